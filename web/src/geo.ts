// Distances on the ground, and the shift from WGS-84 to the GCJ-02 datum that Chinese map applications want.
import type { LonLat } from "./types.ts";

const RADIUS_M = 6_371_008.8;
const KRASOVSKY_A = 6_378_245;
const KRASOVSKY_E2 = 0.006_693_421_622_965_943;
const rad = (deg: number): number => (deg * Math.PI) / 180;

/** Great-circle distance in metres. */
export function distanceM([lonA, latA]: LonLat, [lonB, latB]: LonLat): number {
  const dLat = rad(latB - latA);
  const dLon = rad(lonB - lonA);
  const h =
    Math.sin(dLat / 2) ** 2 + Math.cos(rad(latA)) * Math.cos(rad(latB)) * Math.sin(dLon / 2) ** 2;
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Walking minutes at 80 m a minute, at least one. */
export function walkMinutes(metres: number): number {
  return Math.max(1, Math.round(metres / 80));
}

/** Metres in the reader's measure: tens below a kilometre, one decimal above. */
export function distanceWords(metres: number): string {
  if (metres < 995) return `${Math.max(10, Math.round(metres / 10) * 10)} m`;
  return `${(metres / 1000).toFixed(metres < 9950 ? 1 : 0)} km`;
}

function outsideChina([lon, lat]: LonLat): boolean {
  return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271;
}

function waves(x: number): number {
  return ((20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * 2) / 3;
}

function northing(x: number, y: number): number {
  let d = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + waves(x);
  d += ((20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI)) * 2) / 3;
  d += ((160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y * Math.PI) / 30)) * 2) / 3;
  return d;
}

function easting(x: number, y: number): number {
  let d = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + waves(x);
  d += ((20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI)) * 2) / 3;
  d += ((150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI)) * 2) / 3;
  return d;
}

/** WGS-84 to GCJ-02; outside China the two are one. */
export function toGcj02(at: LonLat): LonLat {
  if (outsideChina(at)) return at;
  const [lon, lat] = at;
  const phi = rad(lat);
  const magic = 1 - KRASOVSKY_E2 * Math.sin(phi) ** 2;
  const meridian = (KRASOVSKY_A * (1 - KRASOVSKY_E2)) / (magic * Math.sqrt(magic));
  const parallel = (KRASOVSKY_A / Math.sqrt(magic)) * Math.cos(phi);
  const dLat = (northing(lon - 105, lat - 35) * 180) / (meridian * Math.PI);
  const dLon = (easting(lon - 105, lat - 35) * 180) / (parallel * Math.PI);
  return [lon + dLon, lat + dLat];
}

/** GCJ-02 to WGS-84, to a few millimetres: the shift is so even that two steps back find its origin. */
export function fromGcj02(at: LonLat): LonLat {
  let guess = at;
  for (let round = 0; round < 3; round += 1) {
    const [lon, lat] = toGcj02(guess);
    guess = [guess[0] + at[0] - lon, guess[1] + at[1] - lat];
  }
  return guess;
}

/** The box around some points as [west, south, east, north], or null when there are none. */
export function boundsOf(points: LonLat[]): [number, number, number, number] | null {
  if (points.length === 0) return null;
  const lons = points.map((p) => p[0]);
  const lats = points.map((p) => p[1]);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

function polygonsOf(area: GeoJSON.Geometry): GeoJSON.Position[][][] {
  return area.type === "Polygon" ? [area.coordinates] : area.type === "MultiPolygon" ? area.coordinates : [];
}

function inRing([x, y]: LonLat, ring: GeoJSON.Position[]): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [xi = 0, yi = 0] = ring[i] ?? [];
    const [xj = 0, yj = 0] = ring[j] ?? [];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** True if a point lies in a polygon or one of several; their holes are outside. */
export function isInside(at: LonLat, area: GeoJSON.Geometry): boolean {
  return polygonsOf(area).some(([outer, ...holes]) => outer !== undefined && inRing(at, outer) && !holes.some((hole) => inRing(at, hole)));
}

/** How much of the map an area spans, in square degrees of its box: enough to tell the smaller of two. */
export function spanOf(area: GeoJSON.Geometry): number {
  const points = polygonsOf(area).flat(2);
  const box = boundsOf(points.map(([x = 0, y = 0]) => [x, y]));
  return box === null ? 0 : (box[2] - box[0]) * (box[3] - box[1]);
}
