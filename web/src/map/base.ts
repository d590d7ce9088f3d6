// What lies under lots and signs: the city's own streets, water, green and buildings, or the tiles of a base map; and the zones.
import type { DataDrivenPropertyValueSpecification, LayerSpecification, SourceSpecification } from "maplibre-gl";
import { htmlLang, text } from "../i18n.ts";
import type { CityMap, Text } from "../types.ts";
import { moved, type Shift } from "./datum.ts";
import { FONTS, PALETTES, type Theme } from "./palette.ts";
import { tileLayers, type Tiles } from "./tiles.ts";

export const HATCH = "hatch";

export type Width = DataDrivenPropertyValueSpecification<number>;

export const is = (name: string, value: string | number) => ["==", ["get", name], value] as ["==", ["get", string], string | number];

export interface Ground {
  sources: Record<string, SourceSpecification>;
  /** Under the names of streets: where what covers an area belongs. */
  low: LayerSpecification[];
  names: LayerSpecification[];
}

/** The ground of a map in a theme and in the language of the screen. */
export function ground(theme: Theme, city: CityMap | null, tiles: Tiles | null, shift: Shift, zones: boolean): Ground {
  const sources = { base: { type: "geojson", data: named(city, shift) } as SourceSpecification };
  const land: LayerSpecification = { id: "land", type: "background", paint: { "background-color": PALETTES[theme].land } };
  if (tiles === null) return { sources, low: [land, ...cityLayers(theme), ...zoneLayers(theme, zones)], names: nameLayers(theme) };
  const { low, names } = tileLayers(tiles, theme, htmlLang.peek());
  return { sources: { ...sources, tiles: tiles.source }, low: [land, ...low, ...zoneLayers(theme, zones)], names };
}

/** The city's map with each name in the screen's language, where the base map wants it. */
export function named(city: CityMap | null, shift: Shift): GeoJSON.FeatureCollection {
  const features = (city?.features ?? []).map((feature) => ({
    ...feature,
    geometry: moved(feature.geometry, shift),
    properties: { ...feature.properties, shown_name: text(feature.properties?.name as Text | null) },
  }));
  return { type: "FeatureCollection", features };
}

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

function cityLayers(theme: Theme): LayerSpecification[] {
  const p = PALETTES[theme];
  const area = (id: string, colour: string): LayerSpecification => ({
    id,
    type: "fill",
    source: "base",
    filter: ["all", is("kind", "base"), is("class", id)],
    paint: { "fill-color": colour },
  });
  return [
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
