// The map beside the signs: where each stands, which way it is read from, and how it is. The list holds the same information.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n.ts";
import { chosen, signs } from "./store.ts";

type Stage = "waiting" | "loading" | "shown" | "failed";
const stage = signal<Stage>("waiting");

/** True where the reader pays for bytes or waits long for them. */
function thrifty(): boolean {
  const link = (navigator as { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
  return link?.saveData === true || link?.effectiveType === "2g" || link?.effectiveType === "slow-2g";
}

export function SignMap() {
  const place = useRef<HTMLDivElement>(null);
  const ready = (signs.value?.length ?? 0) > 0;
  useEffect(() => {
    if (!ready || stage.peek() !== "waiting" || thrifty()) return;
    const begin = (): void => void load(place.current);
    if ("requestIdleCallback" in window) requestIdleCallback(begin, { timeout: 1500 });
    else setTimeout(begin, 50);
  }, [ready]);
  if (stage.value === "failed") return null;
  return (
    <section class="sign-map" aria-label={t("map.region")}>
      <div ref={place} class="map-canvas" data-map={stage.value} />
      {stage.value === "waiting" && thrifty() && (
        <button type="button" class="button plain" onClick={() => void load(place.current)}>
          {t("signs.map")}
        </button>
      )}
    </section>
  );
}

async function load(place: HTMLDivElement | null): Promise<void> {
  if (place === null || stage.peek() !== "waiting") return;
  stage.value = "loading";
  try {
    const { showSigns } = await import("./map-view.ts");
    await showSigns(place);
    stage.value = "shown";
  } catch {
    stage.value = "failed";
  }
}

/** Brings the sign's card into view, and marks it. */
export function choose(id: string): void {
  chosen.value = id;
  const card = document.querySelector(`[data-sign="${CSS.escape(id)}"]`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  card?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
}
