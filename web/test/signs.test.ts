// A sign that shows something else than it should is named, line by line.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAdjusted, onItsWay, standing } from "../src/signs/differences.ts";
import type { Face, Panel } from "../src/types.ts";

function face(version: number, text: string): Face {
  const line = { label: "城西", arrow: null, text, state: "free" as const, lots: ["L1"], free: 34, offset: 0, reason: null };
  return { version, mode: "normal", lines: [line], source: "guidance", page_ms: 4000 };
}

const told = { confirmed_since: null, confirmed_at: null, sent_version: null, sent_at: null };
const plain = { desired_good_for_ms: null, desired_pages: 1, basis: [], fault: null, confirmed_pages: 1, ...told };

function panel(desired: Face | null, confirmed: Face | null): Panel {
  return { id: "A", width_px: 96, height_px: 32, desired, confirmed, image: "", ...plain };
}

test("a confirmed face as intended is the same", () => {
  assert.deepEqual(standing(panel(face(3, "34"), face(3, "34"))), { kind: "same", version: 3 });
});

test("an older face on the sign is told with both texts", () => {
  assert.deepEqual(standing(panel(face(4, "34"), face(3, "40"))), {
    kind: "differs",
    desired: 4,
    confirmed: 3,
    lines: [{ n: 1, desired: "城西 34", confirmed: "城西 40" }],
  });
});

test("a sign that never confirmed is not shown as if it had", () => {
  assert.deepEqual(standing(panel(face(4, "34"), null)), { kind: "unconfirmed", desired: 4 });
});

test("a number held back is told apart from the count", () => {
  const line = face(1, "30").lines[0];
  assert.ok(line !== undefined);
  assert.equal(isAdjusted({ ...line, reason: "held_back" }), true);
  assert.equal(isAdjusted({ ...line, text: "34" }), false);
});

test("a new face gets a moment to reach a sign that still answers", () => {
  assert.equal(onItsWay(4, 6), true);
  assert.equal(onItsWay(30, 6), false);
  assert.equal(onItsWay(4, 300), false);
  assert.equal(onItsWay(4, null), false);
});
