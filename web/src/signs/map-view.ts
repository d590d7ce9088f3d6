// Draws the signs on the city's ground; fetched after the list of signs is there.
import { effect } from "@preact/signals";
import type { GeoJSONSource, StyleSpecification } from "maplibre-gl";
import { baseMap, learnBaseMap } from "../base-map.ts";
import { boundsOf } from "../geo.ts";
import { lang, t, text } from "../i18n.ts";
import { ground } from "../map/base.ts";
import { shiftTo } from "../map/datum.ts";
import { FONTS, PALETTES } from "../map/palette.ts";
import { supply } from "../map/pictures.ts";
import { glideMs, onTheme, raise, theme } from "../map/stage.ts";
import { tilesOf } from "../map/tiles.ts";
import { choose } from "./map.tsx";
import { chosen, signs } from "./store.ts";

/** Resolves once the map stands. */
export async function showSigns(place: HTMLElement): Promise<void> {
  await learnBaseMap();
  const base = baseMap.peek()?.base;
  const tiles = await tilesOf(base);
  const shift = shiftTo(tiles === null ? null : base);
  const points = (): GeoJSON.FeatureCollection => ({
    type: "FeatureCollection",
    features: (signs.peek() ?? []).map((sign) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: shift(sign.location) },
      properties: { id: sign.id, name: text(sign.name), health: sign.health.state, heading: sign.heading_deg, chosen: sign.id === chosen.peek() },
    })),
  });
  const style = (): StyleSpecification => {
    const now = theme();
    const p = PALETTES[now];
    const under = ground(now, baseMap.peek(), tiles, shift, false);
    return {
      version: 8,
      sources: { ...under.sources, signs: { type: "geojson", data: points() } },
      layers: [
        ...under.low,
        ...under.names,
        {
          id: "chosen",
          type: "circle",
          source: "signs",
          filter: ["==", ["get", "chosen"], true],
          paint: { "circle-radius": 24, "circle-color": p.me, "circle-opacity": 0.22, "circle-stroke-color": p.me, "circle-stroke-width": 2 },
        },
        {
          id: "sign",
          type: "symbol",
          source: "signs",
          layout: {
            "icon-image": ["concat", `sign|${now}|`, ["get", "health"]],
            "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 14, 1],
            "icon-allow-overlap": true,
            "text-field": ["step", ["zoom"], "", 13, ["get", "name"]],
            "text-font": FONTS,
            "text-size": 12,
            "text-offset": [0, 1.3],
            "text-anchor": "top",
            "text-optional": true,
          },
          paint: { "text-color": p.ink, "text-halo-color": p.halo, "text-halo-width": 1.6 },
        },
      ],
    };
  };
  const map = raise({
    place,
    style: style(),
    label: t("signs.map"),
    bounds: boundsOf((signs.peek() ?? []).map((sign) => shift(sign.location))),
    padding: 48,
    base: tiles === null ? null : base,
  });
  supply(map);
  effect(() => {
    void signs.value;
    void chosen.value;
    void map.getSource<GeoJSONSource>("signs")?.setData(points());
  });
  effect(() => {
    const at = signs.peek()?.find((sign) => sign.id === chosen.value)?.location;
    if (at !== undefined) map.easeTo({ center: shift(at), zoom: Math.max(map.getZoom(), 15), duration: glideMs() });
  });
  let first = true;
  effect(() => {
    void lang.value;
    map.getCanvas().setAttribute("aria-label", t("signs.map"));
    if (!first) map.setStyle(style(), { diff: false });
    first = false;
  });
  onTheme(() => map.setStyle(style(), { diff: false }));
  map.on("click", "sign", (event) => {
    const id = event.features?.[0]?.properties?.id as string | undefined;
    if (id !== undefined) choose(id);
  });
  map.on("mouseenter", "sign", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "sign", () => (map.getCanvas().style.cursor = ""));
  await map.once("load");
}
