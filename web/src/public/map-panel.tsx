// The map's place on the page; its code is fetched after the list is live, and at once when asked for.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n.ts";
import { SYMBOL } from "./card.tsx";
import { sheet } from "./sheet.tsx";
import { city, roster } from "./store.ts";
import type { Level } from "../types.ts";

type Stage = "waiting" | "loading" | "shown" | "failed";
const stage = signal<Stage>("waiting");
const zonesShown = signal(false);
const LEVELS: Level[] = ["free", "few", "full", "closed", "no_data"];

/** True where the reader pays for bytes or waits long for them. */
function thrifty(): boolean {
  const link = (navigator as { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
  return link?.saveData === true || link?.effectiveType === "2g" || link?.effectiveType === "slow-2g";
}

export function MapPanel() {
  const place = useRef<HTMLDivElement>(null);
  const ready = roster.value.length > 0;
  const asked = sheet.value === "map";
  useEffect(() => {
    if (!ready || stage.peek() !== "waiting" || (thrifty() && !asked)) return;
    const begin = (): void => void load(place.current);
    if ("requestIdleCallback" in window) requestIdleCallback(begin, { timeout: 1500 });
    else setTimeout(begin, 50);
  }, [ready, asked]);
  return (
    <section class="map" aria-label={t("map.region")}>
      <div ref={place} class="map-canvas" data-map={stage.value} />
      {stage.value !== "shown" && (
        <p class="map-note" role="status">
          {t(stage.value === "failed" ? "map.failed" : "map.loading")}
        </p>
      )}
      <div class="map-corner">
        <ul class="legend" aria-label={t("map.legend")}>
          {LEVELS.map((level) => (
            <li key={level}>
              <span class="swatch" data-level={level} aria-hidden="true">
                {SYMBOL[level]}
              </span>
              {t(`level.${level}`)}
            </li>
          ))}
        </ul>
      </div>
      <button
        type="button"
        class="zones"
        aria-pressed={zonesShown.value}
        title={t("map.zones")}
        onClick={() => (zonesShown.value = !zonesShown.value)}
      >
        <span class="swatch" data-zone aria-hidden="true" />
        <span class="zones-word">{t("map.zones")}</span>
      </button>
      {city.value?.fictional === true && (
        <p class="map-demo">
          <span class="short">{t("demo.short")}</span>
          <span class="long">{t("demo.notice")}</span>
        </p>
      )}
    </section>
  );
}

async function load(place: HTMLDivElement | null): Promise<void> {
  if (place === null || stage.peek() !== "waiting") return;
  stage.value = "loading";
  try {
    const { showMap } = await import("./map/view.ts");
    await showMap(place, zonesShown);
    stage.value = "shown";
  } catch {
    stage.value = "failed";
  }
}
