import assert from "node:assert/strict";
import { test } from "node:test";
import { isInside, spanOf } from "../src/geo.ts";
import { newSlip, showSlip } from "../src/officer/field/item.ts";

const square = (west: number, south: number, side: number): GeoJSON.Position[] => [
  [west, south],
  [west + side, south],
  [west + side, south + side],
  [west, south + side],
  [west, south],
];

test("a point is in an area, and not in its hole or beside it", () => {
  const area: GeoJSON.Geometry = { type: "Polygon", coordinates: [square(0, 0, 10), square(4, 4, 2)] };
  for (const [at, inside] of [
    [[1, 1], true],
    [[5, 5], false],
    [[11, 1], false],
    [[-1, 5], false],
  ] as const) {
    assert.equal(isInside([at[0], at[1]], area), inside, String(at));
  }
  const both: GeoJSON.Geometry = { type: "MultiPolygon", coordinates: [[square(0, 0, 1)], [square(5, 5, 1)]] };
  assert.ok(isInside([5.5, 5.5], both) && isInside([0.5, 0.5], both) && !isInside([3, 3], both));
  assert.equal(isInside([0, 0], { type: "Point", coordinates: [0, 0] }), false);
});

test("the smaller of two areas spans less", () => {
  const big: GeoJSON.Geometry = { type: "Polygon", coordinates: [square(0, 0, 10)] };
  const small: GeoJSON.Geometry = { type: "Polygon", coordinates: [square(2, 2, 1)] };
  assert.ok(spanOf(small) < spanOf(big));
});

test("a slip's number is of the form the server knows, and no two are the same", () => {
  const slips = Array.from({ length: 500 }, newSlip);
  for (const slip of slips) assert.match(slip, /^F[0-9A-HJKMNP-TV-Z]{15}$/);
  assert.equal(new Set(slips).size, slips.length);
  assert.equal(showSlip("F7K2M8XQ1P2R99AB"), "F7K2-M8XQ-1P2R-99AB");
});
