// A base map of tiles: a PMTiles file of this node, or a tile server, pictures or shapes; drawn as quiet as the city's own map.
import { addProtocol, type ExpressionSpecification, type LayerSpecification, type SourceSpecification } from "maplibre-gl";
import type { TileBase } from "../types.ts";
import { FONTS, PALETTES, type Theme } from "./palette.ts";

export interface Tiles {
  source: SourceSpecification;
  kind: "raster" | "vector";
  schema: TileBase["schema"];
}

let speaksPmtiles = false;

/** The tiles of a base map; null where it is the city's own, or where its file cannot be read. */
export async function tilesOf(base: TileBase | null | undefined): Promise<Tiles | null> {
  if (base === null || base === undefined) return null;
  const { attribution, schema } = base;
  if (base.kind !== "pmtiles") {
    const tiles = [base.url];
    const source: SourceSpecification =
      base.kind === "raster"
        ? { type: "raster", tiles, tileSize: base.tile_px, maxzoom: base.max_zoom, attribution }
        : { type: "vector", tiles, maxzoom: base.max_zoom, attribution };
    return { source, kind: base.kind, schema };
  }
  try {
    const { PMTiles, Protocol, TileType } = await import("pmtiles");
    const protocol = new Protocol();
    const file = new PMTiles(new URL(base.url, location.href).href);
    const head = await file.getHeader();
    protocol.add(file);
    if (!speaksPmtiles) addProtocol("pmtiles", protocol.tile);
    speaksPmtiles = true;
    const kind = head.tileType === TileType.Mvt ? "vector" : "raster";
    const tiles = [`pmtiles://${file.source.getKey()}/{z}/{x}/{y}`];
    const reach = { tiles, minzoom: head.minZoom, maxzoom: head.maxZoom, attribution };
    return { source: kind === "vector" ? { type: "vector", ...reach } : { type: "raster", tileSize: base.tile_px, ...reach }, kind, schema };
  } catch {
    // Without its file the map stands on the city's own streets.
    return null;
  }
}

/** The layers of tiles, and the names above them. */
export function tileLayers(tiles: Tiles, theme: Theme, lang: string): { low: LayerSpecification[]; names: LayerSpecification[] } {
  if (tiles.kind === "raster") return { low: [pictures(theme)], names: [] };
  return tiles.schema === "protomaps" ? shapes(theme, lang, PROTOMAPS) : shapes(theme, lang, OPENMAPTILES);
}

/** Pictures step back behind the marks: paler by day, darker by night. */
function pictures(theme: Theme): LayerSpecification {
  const paint =
    theme === "light"
      ? { "raster-saturation": -0.35, "raster-opacity": 0.9 }
      : { "raster-saturation": -0.5, "raster-brightness-max": 0.5, "raster-contrast": -0.1 };
  return { id: "tiles", type: "raster", source: "tiles", paint };
}

interface Schema {
  green: [string, ExpressionSpecification];
  water: string;
  building: string;
  road: string;
  /** The class of a road, 1 for the widest. */
  width: ExpressionSpecification;
  roadName: string;
  place: string;
}

const PROTOMAPS: Schema = {
  green: ["landuse", ["in", ["get", "kind"], ["literal", ["park", "forest", "wood", "grass", "grassland", "nature_reserve", "garden", "cemetery"]]]],
  water: "water",
  building: "buildings",
  road: "roads",
  width: ["match", ["get", "kind"], "highway", 1, "major_road", 2, "minor_road", 3, 4],
  roadName: "roads",
  place: "places",
};

const OPENMAPTILES: Schema = {
  green: ["landcover", ["in", ["get", "class"], ["literal", ["wood", "grass", "park"]]]],
  water: "water",
  building: "building",
  road: "transportation",
  width: ["match", ["get", "class"], ["motorway", "trunk"], 1, ["primary", "secondary"], 2, ["tertiary", "minor"], 3, 4],
  roadName: "transportation_name",
  place: "place",
};

function shapes(theme: Theme, lang: string, schema: Schema): { low: LayerSpecification[]; names: LayerSpecification[] } {
  const p = PALETTES[theme];
  const source = "tiles";
  const [greenLayer, isGreen] = schema.green;
  const width = (extra: number): ExpressionSpecification => [
    "interpolate",
    ["exponential", 1.6],
    ["zoom"],
    10,
    ["match", schema.width, 1, 1.4 + extra, 2, 0.9 + extra, 0.3 + extra],
    14,
    ["match", schema.width, 1, 7 + extra, 2, 5 + extra, 3, 3 + extra, 1],
    18,
    ["match", schema.width, 1, 40 + extra, 2, 30 + extra, 3, 20 + extra, 5],
  ];
  const road = (id: string, colour: string, extra: number): LayerSpecification => ({
    id,
    type: "line",
    source,
    "source-layer": schema.road,
    layout: { "line-cap": "round", "line-join": "round", "line-sort-key": ["-", 0, schema.width] },
    paint: { "line-color": colour, "line-width": width(extra) },
  });
  const area = (id: string, layer: string, colour: string, filter?: ExpressionSpecification): LayerSpecification => ({
    id,
    type: "fill",
    source,
    "source-layer": layer,
    ...(filter === undefined ? {} : { filter }),
    paint: { "fill-color": colour },
  });
  const name: ExpressionSpecification = lang.startsWith("zh")
    ? ["coalesce", ["get", "name:zh-Hans"], ["get", "name:zh"], ["get", "name"]]
    : ["coalesce", ["get", "name:en"], ["get", "name_en"], ["get", "name"]];
  const paint = { "text-color": p.name, "text-halo-color": p.halo, "text-halo-width": 1.4 };
  return {
    low: [
      area("green", greenLayer, p.green, isGreen),
      area("water", schema.water, p.water, ["==", ["geometry-type"], "Polygon"]),
      { ...area("building", schema.building, p.building), minzoom: 13.5 } as LayerSpecification,
      road("street-casing", p.casing, 1.6),
      road("street", p.road, 0),
    ],
    names: [
      {
        id: "street-name",
        type: "symbol",
        source,
        "source-layer": schema.roadName,
        minzoom: 12.5,
        layout: { "symbol-placement": "line", "symbol-spacing": 320, "text-field": name, "text-font": FONTS, "text-size": 12 },
        paint,
      },
      {
        id: "place-name",
        type: "symbol",
        source,
        "source-layer": schema.place,
        maxzoom: 15,
        layout: { "text-field": name, "text-font": FONTS, "text-size": 13 },
        paint,
      },
    ],
  };
}
