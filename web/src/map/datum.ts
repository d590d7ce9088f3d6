// Where our WGS-84 coordinates lie on a base map of another datum: everything of ours is shifted to it, and taps are shifted back.
import { fromGcj02, toGcj02 } from "../geo.ts";
import type { LonLat, TileBase } from "../types.ts";

export type Shift = (at: LonLat) => LonLat;

const AS_IT_IS: Shift = (at) => at;

/** From our coordinates to those of the base map. */
export function shiftTo(base: TileBase | null | undefined): Shift {
  return base?.datum === "gcj02" ? toGcj02 : AS_IT_IS;
}

/** From those of the base map to ours. */
export function shiftBack(base: TileBase | null | undefined): Shift {
  return base?.datum === "gcj02" ? fromGcj02 : AS_IT_IS;
}

/** A geometry where the base map wants it. */
export function moved(geometry: GeoJSON.Geometry, shift: Shift): GeoJSON.Geometry {
  if (shift === AS_IT_IS) return geometry;
  if (geometry.type === "GeometryCollection") return { ...geometry, geometries: geometry.geometries.map((one) => moved(one, shift)) };
  return { ...geometry, coordinates: deep(geometry.coordinates, shift) } as GeoJSON.Geometry;
}

type Nested = number[] | Nested[];

function deep(part: Nested, shift: Shift): Nested {
  if (typeof part[0] === "number") return shift([part[0], part[1] as number]);
  return (part as Nested[]).map((inner) => deep(inner, shift));
}
