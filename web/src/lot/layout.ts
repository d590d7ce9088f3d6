// From outlines on the globe to a plan on a sheet: metres, turned so that the long side lies flat.
import type { LonLat, Space } from "../types.ts";

export type Point = [number, number];

export interface Drawn {
  bay: Space;
  points: Point[];
  middle: Point;
  /** The shorter side of the bay's box. */
  size: number;
}

export interface Layout {
  width: number;
  height: number;
  bays: Drawn[];
}

const METRES_A_DEGREE = 111_320;
const BORDER_M = 1;
/** A bay known by its middle only is drawn as a square of this side. */
const SIDE_M = 2.4;

/** The plan of those bays whose place is known; null if there is none. */
export function laidOut(bays: Space[]): Layout | null {
  const rings = bays.flatMap((bay) => {
    const ring = ringOf(bay);
    return ring === null ? [] : [{ bay, ring }];
  });
  const origin = rings[0]?.ring[0];
  if (origin === undefined) return null;
  const squeeze = Math.cos((origin[1] * Math.PI) / 180);
  const flat = rings.map(({ bay, ring }) => ({
    bay,
    // North is up, and a sheet counts downwards.
    points: ring.map(([lon, lat]): Point => [(lon - origin[0]) * METRES_A_DEGREE * squeeze, (origin[1] - lat) * METRES_A_DEGREE]),
  }));
  const angle = along(flat.map(({ points }) => points), slope(flat.map(({ points }) => middleOf(points))));
  const turned = flat.map(({ bay, points }) => ({ bay, points: points.map((point) => turn(point, -angle)) }));
  const all = turned.flatMap(({ points }) => points);
  const left = Math.min(...all.map(([x]) => x)) - BORDER_M;
  const top = Math.min(...all.map(([, y]) => y)) - BORDER_M;
  return {
    width: Math.max(...all.map(([x]) => x)) - left + BORDER_M,
    height: Math.max(...all.map(([, y]) => y)) - top + BORDER_M,
    bays: turned.map(({ bay, points }) => {
      const moved = points.map(([x, y]): Point => [x - left, y - top]);
      return { bay, points: moved, middle: middleOf(moved), size: shorterSide(moved) };
    }),
  };
}

function ringOf(bay: Space): LonLat[] | null {
  if (bay.outline?.type === "Polygon") {
    const ring = bay.outline.coordinates[0] as LonLat[] | undefined;
    return ring === undefined || ring.length < 4 ? null : ring.slice(0, -1);
  }
  if (bay.location === null) return null;
  const [lon, lat] = bay.location;
  const dy = SIDE_M / 2 / METRES_A_DEGREE;
  const dx = dy / Math.cos((lat * Math.PI) / 180);
  return [[lon - dx, lat - dy], [lon + dx, lat - dy], [lon + dx, lat + dy], [lon - dx, lat + dy]];
}

function middleOf(points: Point[]): Point {
  const sum = points.reduce(([x, y], [px, py]): Point => [x + px, y + py], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** The direction along which the points are spread most. */
function slope(points: Point[]): number {
  const [mx, my] = middleOf(points);
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  return 0.5 * Math.atan2(2 * xy, xx - yy);
}

/** The direction of the bays' own edges that is nearest to `wanted`: all of them that stand square to each other agree. */
function along(outlines: Point[][], wanted: number): number {
  let [x, y] = [0, 0];
  for (const points of outlines) {
    points.forEach(([px, py], place) => {
      const [nx, ny] = points[(place + 1) % points.length] as Point;
      const length = Math.hypot(nx - px, ny - py);
      // Four times the angle is the same for all four edges of a bay.
      const four = 4 * Math.atan2(ny - py, nx - px);
      x += length * Math.cos(four);
      y += length * Math.sin(four);
    });
  }
  if (Math.hypot(x, y) < 1e-6) return wanted;
  const own = Math.atan2(y, x) / 4;
  const quarter = Math.PI / 2;
  return own + Math.round((wanted - own) / quarter) * quarter;
}

function turn([x, y]: Point, angle: number): Point {
  return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
}

function shorterSide(points: Point[]): number {
  const sides = points.map(([x, y], place) => {
    const [nx, ny] = points[(place + 1) % points.length] as Point;
    return Math.hypot(nx - x, ny - y);
  });
  return Math.min(...sides.filter((side) => side > 0.3), 6);
}
