// The page of a lot: its plan lies flat, its curves stand on one axis.
import assert from "node:assert/strict";
import { test } from "node:test";
import { curvesOf, hourly } from "../src/lot/curves.ts";
import { laidOut } from "../src/lot/layout.ts";
import type { Space } from "../src/types.ts";

/** Ten bays of 2.5 by 5 metres in a row that runs to the north-east. */
function row(): Space[] {
  const turn = Math.PI / 4;
  const degree = 111_320;
  const squeeze = Math.cos((28 * Math.PI) / 180);
  const at = (x: number, y: number): [number, number] => [
    119 + (x * Math.cos(turn) - y * Math.sin(turn)) / degree / squeeze,
    28 + (x * Math.sin(turn) + y * Math.cos(turn)) / degree,
  ];
  return Array.from({ length: 10 }, (_, n) => {
    const left = n * 2.5;
    const ring = [at(left, 0), at(left + 2.5, 0), at(left + 2.5, 5), at(left, 5), at(left, 0)];
    return { id: `S${n}`, state: "free", out_of_service: false, observed_at: null, location: null, outline: { type: "Polygon", coordinates: [ring] }, uses: [] };
  });
}

test("a row of bays lies flat, as long as it is, with each bay square", () => {
  const plan = laidOut(row());
  assert.ok(plan !== null && plan.bays.length === 10);
  assert.ok(Math.abs(plan.width - 27) < 0.1, `${plan.width}`);
  assert.ok(Math.abs(plan.height - 7) < 0.1, `${plan.height}`);
  for (const { points, size } of plan.bays) {
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    assert.ok(Math.abs(Math.max(...xs) - Math.min(...xs) - 2.5) < 0.05 && Math.abs(Math.max(...ys) - Math.min(...ys) - 5) < 0.05);
    assert.ok(Math.abs(size - 2.5) < 0.05);
  }
});

test("bays without a place make no plan, and one known by its middle is a square", () => {
  const bare = { ...(row()[0] as Space), outline: null };
  assert.equal(laidOut([bare]), null);
  const plan = laidOut([{ ...bare, location: [119, 28] }]);
  assert.ok(plan !== null && Math.abs(plan.width - 4.4) < 0.05 && Math.abs(plan.height - 4.4) < 0.05);
});

test("curves share the axis of time, and the expected one goes on from the last count", () => {
  const typical = { date: "2026-03-10", kind: "working" as const, weekday: 1, days: 2, capacity: 50, points: [{ at: "2026-03-10T00:00:00Z", free: 9 }, { at: "2026-03-10T01:00:00Z", free: 8 }] };
  const ahead = [{ at: "2026-03-10T00:45:00Z", made_at: "", free: 3, low: 1, high: 5, chance: 0.9, method: "regression" as const }];
  const now = { at: Date.parse("2026-03-10T00:30:00Z") / 1000, free: 4 };
  const curves = curvesOf([{ at: "2026-03-10T00:00:00Z", free: 5 }], typical, ahead, now);
  assert.ok(curves !== null);
  assert.deepEqual(curves.today, [5, 4, null, null]);
  assert.deepEqual(curves.usual, [9, null, null, 8]);
  assert.deepEqual(curves.expected, [null, 4, 3, null]);
  assert.deepEqual(hourly(curves).map(({ today, usual }) => [today, usual]), [[5, 9], [null, 8]]);
  assert.equal(curvesOf([], null, [], null), null);
});
