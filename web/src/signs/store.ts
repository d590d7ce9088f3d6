// What the signs page knows: every sign, asked again every two seconds.
import { signal } from "@preact/signals";
import { ask } from "../http.ts";
import type { Connection } from "../live/socket.ts";
import type { Sign } from "../types.ts";

const EVERY_MS = 2000;

export const signs = signal<Sign[] | null>(null);
export const heardAtMs = signal<number | null>(null);
export const connection = signal<Connection>("connecting");
/** The sign that is marked, on the map and in the list; that of a link at first. */
export const chosen = signal<string | null>(decodeURIComponent(location.hash.slice(1)) || null);

const wanted = new Map<string, { version: number; sinceMs: number }>();

/** Seconds for which a panel's present face has been wanted, as seen from here. */
export function wantedForS(sign: string, panel: string, nowMs: number): number {
  const since = wanted.get(`${sign}/${panel}`)?.sinceMs ?? nowMs;
  return (nowMs - since) / 1000;
}

function noteWanted(all: Sign[], nowMs: number): void {
  for (const sign of all) {
    for (const panel of sign.panels) {
      const key = `${sign.id}/${panel.id}`;
      const version = panel.desired?.version ?? 0;
      if (wanted.get(key)?.version !== version) wanted.set(key, { version, sinceMs: nowMs });
    }
  }
}

/** Asks, waits, asks again; a page nobody looks at does not ask. */
export async function follow(): Promise<void> {
  for (;;) {
    if (document.visibilityState === "visible") await look();
    await new Promise((after) => setTimeout(after, EVERY_MS));
  }
}

async function look(): Promise<void> {
  try {
    const answer = await ask<{ signs: Sign[] }>("/api/v1/signs", { signal: AbortSignal.timeout(8000) });
    noteWanted(answer.signs, Date.now());
    signs.value = answer.signs;
    heardAtMs.value = Date.now();
    connection.value = "live";
  } catch {
    connection.value = navigator.onLine ? (heardAtMs.peek() === null ? "connecting" : "reconnecting") : "offline";
  }
}
