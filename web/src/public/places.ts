// Places the city's own file names, where a reader may want to go: streets, zones, parks and waters, and the lots themselves.
import { initials } from "../pinyin.ts";
import type { LonLat, Lot, Text } from "../types.ts";

export interface NamedPlace {
  kind: "street" | "zone" | "sight" | "lot";
  id: string;
  name: Text;
  at: LonLat;
}

/** All of them. */
export function placesOf(map: GeoJSON.FeatureCollection | null, lots: Lot[]): NamedPlace[] {
  const drawn = (map?.features ?? []).flatMap(({ id, geometry, properties }): NamedPlace[] => {
    const name = properties?.name as Text | null | undefined;
    const at = middleOf(geometry);
    if (name === null || name === undefined || at === null) return [];
    const kind = properties?.kind === "street" ? "street" : properties?.kind === "zone" ? "zone" : "sight";
    return [{ kind, id: `${kind}/${String(properties?.id ?? id ?? words(name))}`, name, at }];
  });
  return [...drawn, ...lots.map((lot): NamedPlace => ({ kind: "lot", id: `lot/${lot.id}`, name: lot.name, at: lot.location }))];
}

/** The places that what was typed may mean: by name or initials, those that begin with it first. */
export function meant(places: NamedPlace[], typed: string, most: number): NamedPlace[] {
  const query = typed.normalize("NFKC").trim().toLowerCase();
  if (query === "") return [];
  const ranked = places.flatMap((place) => {
    const name = words(place.name).toLowerCase();
    const letters = initials(name);
    const rank = [name.startsWith(query), letters.startsWith(query), name.includes(query), letters.includes(query)].indexOf(true);
    return rank < 0 ? [] : [{ place, rank }];
  });
  // A street of several pieces, or a thing drawn twice, is named once.
  const seen = new Set<string>();
  return ranked
    .sort((a, b) => a.rank - b.rank || ORDER.indexOf(a.place.kind) - ORDER.indexOf(b.place.kind))
    .map(({ place }) => place)
    .filter((place) => {
      const key = `${place.kind} ${words(place.name)}`;
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, most);
}

const ORDER: NamedPlace["kind"][] = ["street", "sight", "zone", "lot"];

function words(name: Text): string {
  return typeof name === "string" ? name : `${name.zh ?? ""} ${name.en ?? ""}`;
}

/** A point that stands for a geometry: half-way along a line, the middle of an area's corners. */
function middleOf(geometry: GeoJSON.Geometry | null): LonLat | null {
  switch (geometry?.type) {
    case "Point":
      return geometry.coordinates as LonLat;
    case "LineString":
      return halfWay(geometry.coordinates as LonLat[]);
    case "MultiLineString":
      return halfWay((geometry.coordinates as LonLat[][]).reduce((a, b) => (b.length > a.length ? b : a), []));
    case "Polygon":
      return mean((geometry.coordinates[0] ?? []).slice(0, -1) as LonLat[]);
    case "MultiPolygon":
      return mean((geometry.coordinates[0]?.[0] ?? []).slice(0, -1) as LonLat[]);
    default:
      return null;
  }
}

function halfWay(line: LonLat[]): LonLat | null {
  const lengths = line.slice(1).map((point, i) => Math.hypot(point[0] - (line[i] as LonLat)[0], point[1] - (line[i] as LonLat)[1]));
  let left = lengths.reduce((sum, length) => sum + length, 0) / 2;
  for (const [i, length] of lengths.entries()) {
    const [from, to] = [line[i] as LonLat, line[i + 1] as LonLat];
    if (left <= length && length > 0) return [from[0] + ((to[0] - from[0]) * left) / length, from[1] + ((to[1] - from[1]) * left) / length];
    left -= length;
  }
  return line[0] ?? null;
}

function mean(points: LonLat[]): LonLat | null {
  if (points.length === 0) return null;
  return [points.reduce((sum, [lon]) => sum + lon, 0) / points.length, points.reduce((sum, [, lat]) => sum + lat, 0) / points.length];
}
