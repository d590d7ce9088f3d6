// What a reader may lay over the map, and what he is doing on it.
import { effect, signal } from "@preact/signals";
import { ask } from "../../http.ts";
import type { Sign } from "../../types.ts";

export const zonesShown = signal(false);
export const signsShown = signal(false);
/** The next tap on the map names the destination. */
export const picking = signal(false);
export const signsOnMap = signal<Sign[]>([]);
/** The sign whose face is shown large. */
export const shownSign = signal<string | null>(null);

const EVERY_MS = 5000;

async function look(): Promise<void> {
  try {
    signsOnMap.value = (await ask<{ signs: Sign[] }>("/api/v1/signs")).signs;
  } catch {
    // What they showed last stands, with its age, on their own page.
  }
}

// Signs are asked only while they are shown.
effect(() => {
  if (!signsShown.value) {
    shownSign.value = null;
    return undefined;
  }
  void look();
  const timer = setInterval(() => document.visibilityState === "visible" && void look(), EVERY_MS);
  return () => clearInterval(timer);
});
