// The map's style: a quiet base (land, water, green, buildings, streets with names) under zones, bays and lots.
import type { DataDrivenPropertyValueSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { FONTS, PALETTES, type Theme } from "./palette.ts";

export const HATCH = "hatch";
/** Bays are drawn from this zoom on. */
export const BAY_ZOOM = 15.5;

export interface MapData {
  base: GeoJSON.FeatureCollection;
  lots: GeoJSON.FeatureCollection;
  bays: GeoJSON.FeatureCollection;
  me: GeoJSON.FeatureCollection;
}

type Width = DataDrivenPropertyValueSpecification<number>;

const is = (name: string, value: string | number) => ["==", ["get", name], value] as ["==", ["get", string], string | number];

/** A street's width in pixels by zoom and class; class 1 is the widest. */
function streetWidth(extra: number): Width {
  const at = (one: number, two: number, three: number, four: number) => [
    "match",
    ["get", "class"],
    1,
    one + extra,
    2,
    two + extra,
    3,
    three + extra,
    four + extra,
  ];
  return [
    "interpolate",
    ["exponential", 1.6],
    ["zoom"],
    11,
    at(1.6, 1.1, 0.7, 0.4),
    14,
    at(7, 5, 3.4, 2.4),
    17,
    at(26, 20, 14, 10),
    20,
    at(90, 70, 52, 40),
  ] as unknown as Width;
}

/** The whole style for a theme, with its data inside. */
export function styleFor(theme: Theme, data: MapData, zones: boolean, selected: string | null): StyleSpecification {
  return {
    version: 8,
    sources: {
      base: { type: "geojson", data: data.base },
      bays: { type: "geojson", data: data.bays, promoteId: "key" },
      me: { type: "geojson", data: data.me },
      lots: { type: "geojson", data: data.lots, promoteId: "id" },
    },
    layers: [...baseLayers(theme), ...zoneLayers(theme, zones), ...nameLayers(theme), ...bayLayers(theme), ...lotLayers(theme, selected)],
  };
}

function baseLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  const area = (id: string, colour: string): LayerSpecification => ({
    id,
    type: "fill",
    source: "base",
    filter: ["all", is("kind", "base"), is("class", id)],
    paint: { "fill-color": colour },
  });
  return [
    { id: "land", type: "background", paint: { "background-color": p.land } },
    area("green", p.green),
    area("water", p.water),
    {
      id: "stream",
      type: "line",
      source: "base",
      filter: ["all", is("class", "water"), ["==", ["geometry-type"], "LineString"]],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": p.water, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 11, 2, 17, 30] },
    },
    {
      id: "building",
      type: "fill",
      source: "base",
      minzoom: 13.5,
      filter: ["all", is("kind", "base"), is("class", "building")],
      paint: { "fill-color": p.building, "fill-outline-color": p.buildingEdge },
    },
    {
      id: "track",
      type: "line",
      source: "base",
      filter: ["all", is("kind", "base"), is("class", "road")],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": p.road, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 12, 0.6, 17, 8] },
    },
    {
      id: "street-casing",
      type: "line",
      source: "base",
      filter: is("kind", "street"),
      layout: { "line-cap": "round", "line-join": "round", "line-sort-key": ["-", 0, ["get", "class"]] },
      paint: { "line-color": p.casing, "line-width": streetWidth(1.6) },
    },
    {
      id: "street",
      type: "line",
      source: "base",
      filter: is("kind", "street"),
      layout: { "line-cap": "round", "line-join": "round", "line-sort-key": ["-", 0, ["get", "class"]] },
      paint: { "line-color": p.road, "line-width": streetWidth(0) },
    },
  ];
}

function zoneLayers(theme: Theme, shown: boolean): LayerSpecification[] {
  const visibility = shown ? "visible" : "none";
  return [
    {
      id: "zone",
      type: "fill",
      source: "base",
      filter: is("kind", "zone"),
      layout: { visibility },
      paint: { "fill-pattern": `${HATCH}|${theme}`, "fill-opacity": 0.45 },
    },
    {
      id: "zone-edge",
      type: "line",
      source: "base",
      filter: is("kind", "zone"),
      layout: { visibility },
      paint: { "line-color": PALETTES[theme].zone, "line-width": 1.5, "line-opacity": 0.8 },
    },
  ];
}

function nameLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  return [
    {
      id: "street-name",
      type: "symbol",
      source: "base",
      filter: is("kind", "street"),
      minzoom: 12.5,
      layout: {
        "symbol-placement": "line",
        "symbol-sort-key": ["get", "class"],
        "symbol-spacing": 320,
        "text-field": ["get", "shown_name"],
        "text-font": FONTS,
        "text-size": ["interpolate", ["linear"], ["zoom"], 12.5, 11, 16, 13, 19, 16],
        "text-letter-spacing": 0.04,
      },
      paint: { "text-color": p.name, "text-halo-color": p.halo, "text-halo-width": 1.4 },
    },
  ];
}

function bayLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  const fill: DataDrivenPropertyValueSpecification<string> = ["match", ["get", "state"], "free", p.free, "occupied", p.full, "rgba(0,0,0,0)"];
  const polygon = ["==", ["geometry-type"], "Polygon"] as ["==", ["geometry-type"], string];
  return [
    {
      id: "bay",
      type: "fill",
      source: "bays",
      minzoom: BAY_ZOOM,
      filter: polygon,
      paint: { "fill-color": fill, "fill-opacity": 0.85 },
    },
    {
      id: "bay-edge",
      type: "line",
      source: "bays",
      minzoom: BAY_ZOOM,
      filter: ["all", polygon, ["!=", ["get", "state"], "none"]],
      paint: { "line-color": ["match", ["get", "state"], "none", p.off, "unknown", p.off, p.edge], "line-width": 1 },
    },
    {
      id: "bay-silent",
      type: "line",
      source: "bays",
      minzoom: BAY_ZOOM,
      filter: ["all", polygon, is("state", "none")],
      paint: { "line-color": p.off, "line-width": 1.2, "line-dasharray": [2, 1.5] },
    },
    {
      id: "bay-point",
      type: "circle",
      source: "bays",
      minzoom: BAY_ZOOM,
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": ["interpolate", ["exponential", 2], ["zoom"], 15.5, 2.5, 18, 6, 20, 14],
        "circle-color": fill,
        "circle-stroke-color": ["match", ["get", "state"], "free", p.edge, "occupied", p.edge, p.off],
        "circle-stroke-width": 1,
      },
    },
    {
      id: "bay-mark",
      type: "symbol",
      source: "bays",
      minzoom: 18,
      layout: {
        "text-field": ["match", ["get", "state"], "free", "✓", "occupied", "✕", "–"],
        "text-font": FONTS,
        "text-size": ["interpolate", ["linear"], ["zoom"], 18, 10, 20, 18],
        "text-allow-overlap": true,
      },
      paint: { "text-color": ["match", ["get", "state"], "free", p.onFree, "occupied", p.onFull, p.ink] },
    },
  ];
}

function lotLayers(theme: Theme, selected: string | null): LayerSpecification[] {
  const p = PALETTES[theme];
  const layout = {
    "icon-image": ["get", "mark"] as ["get", string],
    "symbol-sort-key": ["get", "rank"] as ["get", string],
  };
  const size: Width = ["interpolate", ["linear"], ["zoom"], 11, 0.75, 14, 1];
  return [
    {
      id: "me",
      type: "circle",
      source: "me",
      paint: { "circle-radius": 8, "circle-color": p.me, "circle-stroke-color": p.surface, "circle-stroke-width": 3 },
    },
    {
      // A lot whose mark has no room still stands on the map, as a dot.
      id: "lot-dot",
      type: "circle",
      source: "lots",
      paint: {
        "circle-radius": 5,
        "circle-color": ["match", ["get", "level"], "free", p.free, "few", p.few, "full", p.full, "closed", p.off, p.surface],
        "circle-stroke-color": ["match", ["get", "level"], "no_data", p.off, p.edge],
        "circle-stroke-width": 1.5,
      },
    },
    { id: "lot", type: "symbol", source: "lots", layout: { ...layout, "icon-size": size, "icon-padding": 1 } },
    {
      id: "lot-selected",
      type: "symbol",
      source: "lots",
      filter: is("id", selected ?? ""),
      layout: { ...layout, "icon-size": 1.35, "icon-allow-overlap": true },
    },
  ];
}
