// The map's place on the page; its code is fetched after the list is live, and at once when asked for.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { baseMap } from "../base-map.ts";
import { WORDS } from "../dictionary.ts";
import { distanceM } from "../geo.ts";
import { t } from "../i18n.ts";
import { SYMBOL } from "./card.tsx";
import { picking, signsShown, zonesShown } from "./map/layers.ts";
import { MapSign } from "./map-sign.tsx";
import { placesOf } from "./places.ts";
import { sheet } from "./sheet.tsx";
import { allLots, city, roster } from "./store.ts";
import { headFor } from "./toolbar.tsx";
import type { Level, LonLat } from "../types.ts";

type Stage = "waiting" | "loading" | "shown" | "failed";
const stage = signal<Stage>("waiting");
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
      <div class="map-buttons">
        <button type="button" class="pick" aria-pressed={picking.value} title={t("map.pick")} onClick={() => (picking.value = !picking.value)}>
          <span class="swatch" data-pick aria-hidden="true">
            ⚑
          </span>
          <span class="zones-word">{t("map.pick")}</span>
        </button>
        <button type="button" class="zones" aria-pressed={zonesShown.value} title={t("map.zones")} onClick={() => (zonesShown.value = !zonesShown.value)}>
          <span class="swatch" data-zone aria-hidden="true" />
          <span class="zones-word">{t("map.zones")}</span>
        </button>
        <button type="button" class="signs-layer" aria-pressed={signsShown.value} title={t("map.signs")} onClick={() => (signsShown.value = !signsShown.value)}>
          <span class="swatch" data-sign-layer aria-hidden="true" />
          <span class="zones-word">{t("map.signs")}</span>
        </button>
      </div>
      {picking.value && (
        <p class="map-note picking" role="status">
          {t("map.pick_now")}
        </p>
      )}
      <MapSign />
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
    await showMap(place, tapped);
    stage.value = "shown";
  } catch {
    stage.value = "failed";
  }
}

/** A tap this near to a place the city names is told by its name, metres. */
const NEAR_M = 120;

function tapped(at: LonLat): void {
  const near = placesOf(baseMap.peek(), allLots())
    .map((place) => ({ place, metres: distanceM(at, place.at) }))
    .filter(({ metres }) => metres < NEAR_M)
    .sort((a, b) => a.metres - b.metres)[0];
  headFor(near?.place.name ?? WORDS["goal.tapped"], at);
}
