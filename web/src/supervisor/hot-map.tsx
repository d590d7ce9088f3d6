// The map of hot spots, and the choice of the hour. The table below holds the same information.
import { useRef } from "preact/hooks";
import { t } from "../i18n.ts";
import { lateMap, thrifty } from "../map/late.ts";
import { chosen, hour, spots } from "./hot-store.ts";

const map = lateMap(async (place) => (await import("./hot-view.ts")).showHotSpots(place, choose));

export function HotMap() {
  const place = useRef<HTMLDivElement>(null);
  const ready = spots.value.some(({ location }) => location !== null);
  map.useWhenIdle(place, ready);
  if (!ready) return null;
  return (
    <>
      <HourChoice />
      {map.stage.value !== "failed" && (
        <div class="hot-map">
          <div ref={place} class="map-canvas" data-map={map.stage.value} />
          {map.stage.value === "waiting" && thrifty() && (
            <button type="button" class="button plain" onClick={() => void map.load(place.current)}>
              {t("hot.map")}
            </button>
          )}
        </div>
      )}
      <p class="hint legend">
        <span class="dot-key" data-tone="bad" /> {t("hot.key_missing")} <span class="dot-key" data-tone="warn" /> {t("hot.key_unheeded")} <span class="dot-key" data-tone="lot" /> {t("hot.key_lot")}
      </p>
    </>
  );
}

/** The whole day, or one hour of it. */
function HourChoice() {
  const now = hour.value;
  return (
    <div class="hours">
      <button type="button" class="chip" aria-pressed={now === null} onClick={() => (hour.value = null)}>
        {t("hot.all_day")}
      </button>
      <label class="hour-range">
        <span>{now === null ? t("hot.choose_hour") : t("hot.hour", { from: now, to: now + 1 })}</span>
        <input type="range" name="hour" min={0} max={23} step={1} value={now ?? 12} aria-valuetext={now === null ? t("hot.all_day") : t("hot.hour", { from: now, to: now + 1 })} onInput={(event) => (hour.value = Number(event.currentTarget.value))} />
      </label>
    </div>
  );
}

/** Marks a place on the map, and brings its row into view. */
export function choose(zone: string): void {
  chosen.value = zone;
  const row = document.querySelector(`[data-spot="${CSS.escape(zone)}"]`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  row?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "nearest" });
}
