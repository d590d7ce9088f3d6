// The map beside the signs: where each stands, which way it is read from, and how it is. The list holds the same information.
import { useRef } from "preact/hooks";
import { t } from "../i18n.ts";
import { lateMap, thrifty } from "../map/late.ts";
import { chosen, signs } from "./store.ts";

const map = lateMap(async (place) => (await import("./map-view.ts")).showSigns(place));

export function SignMap() {
  const place = useRef<HTMLDivElement>(null);
  const ready = (signs.value?.length ?? 0) > 0;
  map.useWhenIdle(place, ready);
  if (map.stage.value === "failed") return null;
  return (
    <section class="sign-map" aria-label={t("map.region")}>
      <div ref={place} class="map-canvas" data-map={map.stage.value} />
      {map.stage.value === "waiting" && thrifty() && (
        <button type="button" class="button plain" onClick={() => void map.load(place.current)}>
          {t("signs.map")}
        </button>
      )}
    </section>
  );
}

/** Brings the sign's card into view, and marks it. */
export function choose(id: string): void {
  chosen.value = id;
  const card = document.querySelector(`[data-sign="${CSS.escape(id)}"]`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  card?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
}
