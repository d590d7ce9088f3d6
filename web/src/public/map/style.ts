// The public map's style: bays, entrances, lots, clusters and signs over the ground.
import type { DataDrivenPropertyValueSpecification, ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { is, type Ground, type Width } from "../../map/base.ts";
import { FONTS, PALETTES, type Theme } from "../../map/palette.ts";
import type { MarkWords } from "../../map/marks.ts";

/** Bays are drawn from this zoom on. */
export const BAY_ZOOM = 15.5;
/** Their edges, and the dashes around silent ones, from this one on. */
const EDGE_ZOOM = 17;
/** Lots that stand close together are one mark up to this zoom. */
const CLUSTER_ZOOM = 12;
const CLUSTER_PX = 48;

export interface MapData {
  lots: GeoJSON.FeatureCollection;
  entrances: GeoJSON.FeatureCollection;
  bays: GeoJSON.FeatureCollection;
  signs: GeoJSON.FeatureCollection;
  /** Where the reader is, and wants to go. */
  me: GeoJSON.FeatureCollection;
}

/** How good the best of a cluster's lots is: what a driver is told of all of them. */
export const GRADES = { no_data: 0, closed: 1, full: 2, few: 3, free: 4 } as const;

/** The whole style for a theme, with its data inside. */
export function styleFor(theme: Theme, under: Ground, data: MapData, selected: string | null, words: MarkWords): StyleSpecification {
  const clusterProperties = { best: ["max", ["get", "grade"]], sum: ["+", ["get", "shown"]] } as Record<string, ExpressionSpecification>;
  return {
    version: 8,
    sources: {
      ...under.sources,
      bays: { type: "geojson", data: data.bays, promoteId: "key" },
      entrances: { type: "geojson", data: data.entrances },
      signs: { type: "geojson", data: data.signs },
      me: { type: "geojson", data: data.me },
      lots: {
        type: "geojson",
        data: data.lots,
        promoteId: "id",
        cluster: true,
        clusterMaxZoom: CLUSTER_ZOOM,
        clusterRadius: CLUSTER_PX,
        clusterProperties,
      },
    },
    layers: [...under.low, ...bayLayers(theme), ...under.names, ...entranceLayers(theme), ...lotLayers(theme, selected, words)],
  };
}

/** A bay's state is told to the map beside its outline, so that a change costs no new outlines. */
const BAY_STATE: ExpressionSpecification = ["coalesce", ["feature-state", "state"], "none"];

function byState<T extends string | number>(free: T, occupied: T, none: T): DataDrivenPropertyValueSpecification<T> {
  return ["match", BAY_STATE, "free", free, "occupied", occupied, none] as unknown as DataDrivenPropertyValueSpecification<T>;
}

function bayLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  const CLEAR = "rgba(0,0,0,0)";
  const polygon = ["==", ["geometry-type"], "Polygon"] as ["==", ["geometry-type"], string];
  const bay = { source: "bays", minzoom: BAY_ZOOM } as const;
  const signs: [string, string, string, [number, number, number]][] = [
    ["free", "✓", p.onFree, [1, 0, 0]],
    ["occupied", "✕", p.onFull, [0, 1, 0]],
    ["none", "–", p.ink, [0, 0, 1]],
  ];
  return [
    {
      // Thousands are in view: one pass, and edges only where they can be seen. Silent ones are a pale stain until then.
      ...bay,
      id: "bay-far",
      type: "fill",
      maxzoom: EDGE_ZOOM,
      filter: polygon,
      paint: { "fill-color": byState(p.free, p.full, p.stain), "fill-antialias": false },
    },
    {
      ...bay,
      id: "bay",
      type: "fill",
      minzoom: EDGE_ZOOM,
      filter: polygon,
      paint: { "fill-color": byState(p.free, p.full, CLEAR), "fill-opacity": 0.85, "fill-antialias": false },
    },
    {
      ...bay,
      id: "bay-edge",
      type: "line",
      minzoom: EDGE_ZOOM,
      filter: polygon,
      paint: { "line-color": byState(p.edge, p.edge, CLEAR), "line-width": 1 },
    },
    {
      ...bay,
      id: "bay-silent",
      type: "line",
      minzoom: EDGE_ZOOM,
      filter: polygon,
      paint: { "line-color": p.off, "line-width": 1.2, "line-dasharray": [2, 1.5], "line-opacity": byState(0, 0, 1) },
    },
    {
      ...bay,
      id: "bay-point",
      type: "circle",
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": ["interpolate", ["exponential", 2], ["zoom"], 15.5, 2.5, 18, 6, 20, 14],
        "circle-color": byState(p.free, p.full, CLEAR),
        "circle-stroke-color": byState(p.edge, p.edge, p.off),
        "circle-stroke-width": 1,
      },
    },
    ...signs.map(
      ([state, sign, ink, shown]): LayerSpecification => ({
        ...bay,
        id: `bay-mark-${state}`,
        type: "symbol",
        minzoom: 18,
        layout: {
          "text-field": sign,
          "text-font": FONTS,
          "text-size": ["interpolate", ["linear"], ["zoom"], 18, 10, 20, 18],
          "text-allow-overlap": true,
          "text-ignore-placement": true,
        },
        paint: { "text-color": ink, "text-opacity": byState(...shown) },
      }),
    ),
  ];
}

function entranceLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  return [
    {
      id: "entrance",
      type: "symbol",
      source: "entrances",
      minzoom: BAY_ZOOM,
      layout: { "icon-image": `entrance|${theme}`, "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 15.5, 0.7, 18, 1] },
    },
    {
      id: "me",
      type: "circle",
      source: "me",
      filter: is("kind", "me"),
      paint: { "circle-radius": 8, "circle-color": p.me, "circle-stroke-color": p.surface, "circle-stroke-width": 3 },
    },
    {
      id: "sign",
      type: "symbol",
      source: "signs",
      layout: { "icon-image": ["concat", `sign|${theme}|`, ["get", "health"]], "icon-allow-overlap": true, "icon-ignore-placement": true },
    },
  ];
}

function lotLayers(theme: Theme, selected: string | null, words: MarkWords): LayerSpecification[] {
  const p = PALETTES[theme];
  const isLot: ExpressionSpecification = ["!", ["has", "point_count"]];
  const layout = {
    "icon-image": ["get", "mark"] as ["get", string],
    "symbol-sort-key": ["get", "rank"] as ["get", string],
  };
  const size: Width = ["interpolate", ["linear"], ["zoom"], 11, 0.75, 14, 1];
  const best = (grade: keyof typeof GRADES): ExpressionSpecification => [">=", ["get", "best"], GRADES[grade]];
  const sum: ExpressionSpecification = ["to-string", ["get", "sum"]];
  const told: ExpressionSpecification = [
    "case",
    best("free"),
    ["concat", "free|new|", sum],
    best("few"),
    ["concat", "few|new|", sum],
    best("full"),
    `full|new|${words.full}`,
    best("closed"),
    `closed|new|${words.closed}`,
    "no_data|new|–",
  ];
  return [
    {
      // A lot whose mark has no room still stands on the map, as a dot.
      id: "lot-dot",
      type: "circle",
      source: "lots",
      filter: isLot,
      paint: {
        "circle-radius": 5,
        "circle-color": ["match", ["get", "level"], "free", p.free, "few", p.few, "full", p.full, "closed", p.off, p.surface],
        "circle-stroke-color": ["match", ["get", "level"], "no_data", p.off, p.edge],
        "circle-stroke-width": 1.5,
      },
    },
    {
      id: "cluster",
      type: "symbol",
      source: "lots",
      filter: ["has", "point_count"],
      layout: { "icon-image": ["concat", `cluster|${theme}|`, told], "icon-size": size, "icon-allow-overlap": true },
    },
    { id: "lot", type: "symbol", source: "lots", filter: isLot, layout: { ...layout, "icon-size": size, "icon-padding": 1 } },
    {
      id: "lot-selected",
      type: "symbol",
      source: "lots",
      filter: is("id", selected ?? ""),
      layout: { ...layout, "icon-size": 1.35, "icon-allow-overlap": true },
    },
    {
      id: "goal",
      type: "symbol",
      source: "me",
      filter: is("kind", "goal"),
      layout: { "icon-image": `goal|${theme}`, "icon-anchor": "bottom", "icon-allow-overlap": true, "icon-ignore-placement": true },
    },
  ];
}
