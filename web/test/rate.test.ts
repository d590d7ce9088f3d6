// Reading counters of the node's metrics.
import assert from "node:assert/strict";
import { test } from "node:test";
import { perSecond, total } from "../src/operator/rate.ts";

const TEXT = `# TYPE yunpark_ingest_refused_total counter
yunpark_ingest_refused_total{kind="unknown_lot"} 3
yunpark_ingest_refused_total{kind="malformed payload"} 4

yunpark_ingest_messages_total 120
yunpark_ingest_messages_total_more 7
`;

test("a counter is summed over its labels, and one that is not there is not zero", () => {
  assert.equal(total(TEXT, "yunpark_ingest_refused_total"), 7);
  assert.equal(total(TEXT, "yunpark_ingest_messages_total"), 120);
  assert.equal(total(TEXT, "yunpark_nothing"), null);
});

test("the rate is that between two looks, also after the node began anew", () => {
  assert.equal(perSecond({ at: 1000, messages: 100 }, { at: 3000, messages: 160 }), 30);
  assert.equal(perSecond({ at: 1000, messages: 100 }, { at: 3000, messages: 40 }), 20);
  assert.equal(perSecond({ at: 1000, messages: 100 }, { at: 1000, messages: 140 }), null);
});
