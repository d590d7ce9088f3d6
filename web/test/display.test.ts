// A screen that hears nothing falls back, and no number stands beyond its time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dotSize, mayStand, pageAt, SILENCE_MS } from "../src/display/standing.ts";

test("a face stands while the server is heard and its numbers are young", () => {
  assert.equal(mayStand({ heardMs: 0, endMs: null }, SILENCE_MS - 1), true);
  assert.equal(mayStand({ heardMs: 0, endMs: null }, SILENCE_MS), false);
  assert.equal(mayStand({ heardMs: 0, endMs: 500 }, 499), true);
  assert.equal(mayStand({ heardMs: 0, endMs: 500 }, 500), false);
  assert.equal(mayStand({ heardMs: Number.NEGATIVE_INFINITY, endMs: null }, 0), false);
});

test("pages take turns", () => {
  assert.deepEqual([0, 3999, 4000, 8000, 12000].map((now) => pageAt(3, 4000, now)), [0, 0, 1, 2, 0]);
  assert.equal(pageAt(1, 4000, 99999), 0);
});

test("dots are whole pixels where there is room for them", () => {
  assert.equal(dotSize([160], 48, 1920, 1080), 12);
  assert.equal(dotSize([160, 160], 48, 1000, 1080), 3);
  assert.equal(dotSize([400], 48, 200, 100), 0.5);
});
