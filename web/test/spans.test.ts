// Days summed up to weeks, and days that follow each other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, stretches } from "../src/admin/stretches.ts";
import { monday, spans } from "../src/supervisor/spans.ts";

const day = (on: string, warnings: number) => ({ day: on, warnings, corrections: 1, penalties: 0, seizures: 0 });

test("days without records are there with none, and nothing is lost in weeks", () => {
  const days = [day("2026-03-06", 2), day("2026-03-09", 3), day("2026-03-15", 4)];
  const daily = spans(days, false);
  assert.equal(daily.length, 10);
  assert.deepEqual([daily[0]?.warnings, daily[1]?.warnings, daily[3]?.warnings], [2, 0, 3]);
  const weekly = spans(days, true);
  assert.deepEqual(weekly.map(({ from, to, warnings, corrections }) => [from, to, warnings, corrections]), [
    ["2026-03-02", "2026-03-08", 2, 1],
    ["2026-03-09", "2026-03-15", 7, 2],
  ]);
  assert.deepEqual(spans([], true), []);
  assert.equal(monday("2026-03-08"), "2026-03-02");
});

test("days that follow each other are one stretch, over the end of a month too", () => {
  assert.deepEqual(stretches(["2026-02-28", "2026-03-01", "2026-05-01", "2026-02-28"]), [
    ["2026-02-28", "2026-03-01"],
    ["2026-05-01", "2026-05-01"],
  ]);
  assert.deepEqual(between("2026-12-30", "2027-01-02"), ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]);
  assert.equal(between("2026-01-01", "2099-01-01").length, 100);
});
