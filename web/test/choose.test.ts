// What a reader's wishes leave in the list, and in which order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen, NO_WISHES, total } from "../src/public/choose.ts";
import type { Lot } from "../src/types.ts";

function lot(id: string, part: Partial<Lot>): Lot {
  return {
    id,
    name: { zh: `${id}停车场`, en: `${id} car park` },
    kind: "car_park",
    location: [119.57, 28.11],
    vehicle_class: "motor",
    uses: {},
    opening_hours: null,
    open: true,
    tariff: null,
    max_height_m: null,
    entrances: [],
    street: null,
    capacity: 50,
    free: 10,
    occupied: 40,
    unknown: 0,
    out_of_service: 0,
    observed_at: null,
    quality: "live",
    level: "free",
    version: 1,
    ...part,
  };
}

test("a silent lot never stands above one with a free place, whatever its last number was", () => {
  const lots = [lot("silent", { level: "no_data", quality: "no_data", free: 99 }), lot("full", { level: "full", free: 0 }), lot("few", { level: "few", free: 1 })];
  assert.deepEqual(chosen(lots, NO_WISHES, null, null), ["few", "full", "silent"]);
});

test("nearest first once the reader's place is known", () => {
  const lots = [lot("far", { location: [119.6, 28.11] }), lot("near", { location: [119.571, 28.11] })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, sort: "near" }, [119.57, 28.11], null), ["near", "far"]);
});

test("free now leaves out what is full, closed or silent", () => {
  const lots = [lot("a", {}), lot("b", { level: "full", free: 0 }), lot("c", { level: "closed" }), lot("d", { level: "no_data" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, freeNow: true }, null, null), ["a"]);
});

test("a search finds either language, and a pinned lot stays first", () => {
  const lots = [lot("east", { name: { zh: "东环车库", en: "Donghuan Garage" } }), lot("west", { name: "城西" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "donghuan" }, null, null), ["east"]);
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "东环" }, null, "west"), ["west", "east"]);
});

test("the sum counts neither silent lots nor e-bike racks among cars", () => {
  const lots = [lot("a", {}), lot("b", { level: "no_data", free: 7 }), lot("c", { vehicle_class: "non_motor", free: 30 })];
  assert.deepEqual(total(lots), { free: 10, capacity: 50, silent: 1 });
});
