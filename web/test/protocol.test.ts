// The live protocol's laws: nothing counts twice, nothing goes back, a snapshot settles everything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING_KNOWN, pauseMs, readMessage, step, type Known } from "../src/live/protocol.ts";
import type { Availability, LiveMessage } from "../src/types.ts";

function lot(id: string, version: number, free: number): Availability {
  return {
    id,
    capacity: 50,
    free,
    occupied: 50 - free,
    unknown: 0,
    out_of_service: 0,
    observed_at: "2026-11-23T08:00:00Z",
    quality: "live",
    level: free === 0 ? "full" : "free",
    version,
  };
}

const snapshot = (cursor: string, ...lots: Availability[]): LiveMessage => ({ type: "snapshot", cursor, lots });
const changes = (cursor: string, ...lots: Availability[]): LiveMessage => ({ type: "changes", cursor, lots });
const after = (...messages: LiveMessage[]): Known => messages.reduce((known, m) => step(known, m).known, NOTHING_KNOWN);

test("a change moves its lot and no other", () => {
  const known = after(snapshot("1", lot("A", 1, 10), lot("B", 1, 20)), changes("2", lot("A", 2, 9)));
  assert.equal(known.lots.get("A")?.free, 9);
  assert.equal(known.lots.get("B")?.free, 20);
  assert.equal(known.cursor, "2");
});

test("a change heard twice changes nothing the second time", () => {
  const once = after(snapshot("1", lot("A", 1, 10)), changes("2", lot("A", 2, 9)));
  const twice = step(once, changes("2", lot("A", 2, 9)));
  assert.deepEqual(twice.changed, []);
  assert.deepEqual(twice.known, once);
});

test("a late change does not bring an old number back", () => {
  const known = after(snapshot("1", lot("A", 5, 10)), changes("2", lot("A", 4, 30)));
  assert.equal(known.lots.get("A")?.free, 10);
});

test("a lot that falls silent is news without a new version", () => {
  const silent = { ...lot("A", 5, 10), quality: "stale" as const };
  const { changed } = step(after(snapshot("1", lot("A", 5, 10))), changes("2", silent));
  assert.deepEqual(changed, [silent]);
});

test("a snapshot replaces everything, also with lower versions after the server lost its memory", () => {
  const known = after(snapshot("9", lot("A", 900, 10), lot("B", 7, 1)), snapshot("1", lot("A", 1, 33)));
  assert.equal(known.lots.get("A")?.free, 33);
  assert.equal(known.lots.has("B"), false);
  assert.equal(known.cursor, "1");
});

test("a snapshot of the same numbers is no news", () => {
  const known = after(snapshot("1", lot("A", 1, 10)));
  assert.deepEqual(step(known, snapshot("2", lot("A", 1, 10))).changed, []);
});

test("a heartbeat moves the cursor and nothing else", () => {
  const known = after(snapshot("1", lot("A", 1, 10)), { type: "heartbeat", cursor: "7" });
  assert.equal(known.cursor, "7");
  assert.equal(known.lots.get("A")?.free, 10);
});

test("what is none of ours is not read", () => {
  for (const odd of ["", "{", "null", "[]", '{"type":"snapshot"}', '{"type":"other","cursor":"1"}', 5, null]) {
    assert.equal(readMessage(odd), null, String(odd));
  }
  assert.equal(readMessage('{"type":"heartbeat","cursor":"3"}')?.type, "heartbeat");
});

test("pauses grow to a limit and are spread over their second half", () => {
  assert.equal(pauseMs(0, 0), 250);
  assert.equal(pauseMs(1, 0), 500);
  assert.equal(pauseMs(100, 0), 4000);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    assert.ok(pauseMs(attempt, 0.999) <= 8_000);
    assert.ok(pauseMs(attempt, 0) < pauseMs(attempt, 0.5));
  }
});
