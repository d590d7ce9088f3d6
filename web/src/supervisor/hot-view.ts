// Draws where illegal parking gathers on the city's ground, beside the lots near by and what they had free; fetched when it is wanted.
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
import type { LonLat } from "../types.ts";
import { chosen, freeAt, hour, spots, violationsAt } from "./hot-store.ts";

/** Resolves once the map stands. `open` is told which place was clicked. */
export async function showHotSpots(place: HTMLElement, open: (zone: string) => void): Promise<void> {
  await learnBaseMap();
  const base = baseMap.peek()?.base;
  const tiles = await tilesOf(base);
  const shift = shiftTo(tiles === null ? null : base);
  const point = (at: LonLat, properties: Record<string, unknown>): GeoJSON.Feature => ({ type: "Feature", geometry: { type: "Point", coordinates: shift(at) }, properties });
  const places = (): GeoJSON.FeatureCollection => {
    const shown = spots.peek().filter((spot) => spot.location !== null && violationsAt(spot, hour.peek()) > 0);
    const features = shown.map((spot) =>
      point(spot.location as LonLat, {
        zone: spot.zone,
        count: violationsAt(spot, hour.peek()),
        finding: spot.finding ?? "none",
        label: `${text(spot.name)}${spot.finding === null ? "" : `\n${t(`hot.${spot.finding}`)}`}`,
        chosen: spot.zone === chosen.peek(),
      }),
    );
    return { type: "FeatureCollection", features };
  };
  const lots = (): GeoJSON.FeatureCollection => {
    const near = new Map<string, GeoJSON.Feature>();
    for (const spot of spots.peek()) {
      if (violationsAt(spot, hour.peek()) === 0) continue;
      for (const lot of spot.lots) {
        const free = freeAt(lot, hour.peek());
        if (lot.location === null || (near.has(lot.lot) && free === null)) continue;
        near.set(lot.lot, point(lot.location, { free: free === null ? "–" : String(Math.round(free)), level: free === null ? "none" : free >= 1 ? "free" : "full", label: text(lot.name) }));
      }
    }
    return { type: "FeatureCollection", features: [...near.values()] };
  };
  const ways = (): GeoJSON.FeatureCollection => {
    const spot = spots.peek().find(({ zone }) => zone === chosen.peek());
    const at = spot?.location;
    const lines = (at === null || at === undefined ? [] : (spot?.lots ?? [])).flatMap((lot): GeoJSON.Feature[] =>
      lot.location === null ? [] : [{ type: "Feature", geometry: { type: "LineString", coordinates: [shift(at as LonLat), shift(lot.location)] }, properties: {} }],
    );
    return { type: "FeatureCollection", features: lines };
  };
  const style = (): StyleSpecification => {
    const now = theme();
    const p = PALETTES[now];
    const under = ground(now, baseMap.peek(), tiles, shift, true);
    return {
      version: 8,
      sources: {
        ...under.sources,
        spots: { type: "geojson", data: places() },
        lots: { type: "geojson", data: lots() },
        ways: { type: "geojson", data: ways() },
      },
      layers: [
        ...under.low,
        ...under.names,
        { id: "way", type: "line", source: "ways", paint: { "line-color": p.me, "line-width": 2, "line-dasharray": [2, 2] } },
        {
          id: "lot",
          type: "circle",
          source: "lots",
          paint: { "circle-radius": 11, "circle-color": p.surface, "circle-stroke-width": 2.5, "circle-stroke-color": ["match", ["get", "level"], "free", p.free, "full", p.full, p.off] },
        },
        {
          id: "lot-free",
          type: "symbol",
          source: "lots",
          layout: { "text-field": ["get", "free"], "text-font": FONTS, "text-size": 12, "text-allow-overlap": true },
          paint: { "text-color": p.ink },
        },
        {
          id: "lot-name",
          type: "symbol",
          source: "lots",
          minzoom: 14,
          layout: { "text-field": ["get", "label"], "text-font": FONTS, "text-size": 12, "text-anchor": "top", "text-offset": [0, 1], "text-optional": true },
          paint: { "text-color": p.ink, "text-halo-color": p.halo, "text-halo-width": 1.6 },
        },
        {
          id: "spot",
          type: "circle",
          source: "spots",
          layout: { "circle-sort-key": ["get", "count"] },
          paint: {
            "circle-radius": ["+", 11, ["*", 2.4, ["sqrt", ["get", "count"]]]],
            "circle-color": ["match", ["get", "finding"], ["sign_missing", "bays_missing"], p.full, "sign_unheeded", p.few, p.off],
            "circle-opacity": 0.88,
            "circle-stroke-color": ["case", ["get", "chosen"], p.me, p.edge],
            "circle-stroke-width": ["case", ["get", "chosen"], 4, 2],
          },
        },
        {
          id: "spot-count",
          type: "symbol",
          source: "spots",
          layout: { "text-field": ["to-string", ["get", "count"]], "text-font": FONTS, "text-size": 14, "text-allow-overlap": true, "symbol-sort-key": ["-", 0, ["get", "count"]] },
          paint: { "text-color": ["match", ["get", "finding"], ["sign_missing", "bays_missing"], p.onFull, "sign_unheeded", p.onFew, p.onOff] },
        },
        {
          id: "spot-name",
          type: "symbol",
          source: "spots",
          layout: {
            "text-field": ["get", "label"],
            "text-font": FONTS,
            "text-size": 12,
            "text-anchor": "top",
            "text-offset": [0, 1.9],
            "text-optional": true,
            "symbol-sort-key": ["-", 0, ["get", "count"]],
          },
          paint: { "text-color": p.ink, "text-halo-color": p.halo, "text-halo-width": 1.8 },
        },
      ],
    };
  };
  const middle = spots.peek().flatMap((spot) => (spot.location === null ? [] : [shift(spot.location)]));
  const map = raise({ place, style: style(), label: t("hot.map"), bounds: boundsOf(middle), padding: 70, base: tiles === null ? null : base });
  supply(map);
  effect(() => {
    void spots.value;
    void hour.value;
    void chosen.value;
    void map.getSource<GeoJSONSource>("spots")?.setData(places());
    void map.getSource<GeoJSONSource>("lots")?.setData(lots());
    void map.getSource<GeoJSONSource>("ways")?.setData(ways());
  });
  effect(() => {
    const at = spots.peek().find(({ zone }) => zone === chosen.value)?.location;
    if (at !== undefined && at !== null) map.easeTo({ center: shift(at), zoom: Math.max(map.getZoom(), 15), duration: glideMs() });
  });
  let first = true;
  effect(() => {
    void lang.value;
    map.getCanvas().setAttribute("aria-label", t("hot.map"));
    if (!first) map.setStyle(style(), { diff: false });
    first = false;
  });
  onTheme(() => map.setStyle(style(), { diff: false }));
  map.on("click", "spot", (event) => {
    const zone = event.features?.[0]?.properties?.zone as string | undefined;
    if (zone !== undefined) open(zone);
  });
  map.on("mouseenter", "spot", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "spot", () => (map.getCanvas().style.cursor = ""));
  await map.once("load");
}
