// What a reader's wishes leave in the list, and in which order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen, costsNothing, NO_WISHES, NOTHING_AROUND, total } from "../src/public/choose.ts";
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
  assert.deepEqual(chosen(lots, NO_WISHES), ["few", "full", "silent"]);
});

test("nearest first once the reader's place is known", () => {
  const lots = [lot("far", { location: [119.6, 28.11] }), lot("near", { location: [119.571, 28.11] })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, sort: "near" }, { ...NOTHING_AROUND, from: [119.57, 28.11] }), ["near", "far"]);
});

test("free now leaves out what is full, closed or silent", () => {
  const lots = [lot("a", {}), lot("b", { level: "full", free: 0 }), lot("c", { level: "closed" }), lot("d", { level: "no_data" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, freeNow: true }), ["a"]);
});

test("a search finds either language, and a pinned lot stays first", () => {
  const lots = [lot("east", { name: { zh: "东环车库", en: "Donghuan Garage" } }), lot("west", { name: "城西" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "donghuan" }), ["east"]);
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "东环" }, { ...NOTHING_AROUND, pinned: "west" }), ["west", "east"]);
});

test("the letters a name begins with find it", () => {
  const lots = [lot("east", { name: { zh: "东环车库", en: "Garage" } }), lot("west", { name: "城西停车场" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "dhck" }), ["east"]);
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "CXT" }), ["west"]);
  assert.deepEqual(chosen(lots, { ...NO_WISHES, query: "zz" }), []);
});

test("a tall vehicle is not sent below a low beam, nor anyone to a lot that is shut", () => {
  const lots = [lot("low", { max_height_m: 2 }), lot("open-air", {}), lot("high", { max_height_m: 3.2 }), lot("shut", { open: false })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, heightM: 2.6, openNow: true }).sort(), ["high", "open-air"]);
});

test("only what is marked, and the vehicle's class", () => {
  const lots = [lot("a", {}), lot("b", {}), lot("racks", { vehicle_class: "non_motor" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, marked: true }, { ...NOTHING_AROUND, marks: new Set(["b"]) }), ["b"]);
  assert.deepEqual(chosen(lots, { ...NO_WISHES, vehicle: "non_motor" }), ["racks"]);
});

test("the sum counts neither silent lots nor e-bike racks among cars", () => {
  const lots = [lot("a", {}), lot("b", { level: "no_data", free: 7 }), lot("c", { vehicle_class: "non_motor", free: 30 })];
  assert.deepEqual(total(lots), { free: 10, capacity: 50, silent: 1 });
});

test("a tariff is taken for free only where it says so and names no price", () => {
  assert.ok(costsNothing({ zh: "免费", en: "Free of charge" }, "none") && costsNothing("全天免费停车", "none"));
  for (const tariff of ["首30分钟免费，之后每小时4元", "First hour free, then 2 yuan an hour"]) {
    assert.ok(!costsNothing(tariff, "none") && costsNothing(tariff, "start"), tariff);
  }
  assert.ok(!costsNothing("每小时4元", "start") && !costsNothing(null, "none") && !costsNothing("freeway side, 5 yuan", "start"));
  const lots = [lot("paid", { tariff: "每小时4元" }), lot("gratis", { tariff: "免费" })];
  assert.deepEqual(chosen(lots, { ...NO_WISHES, price: "none" }), ["gratis"]);
});

test("near a destination a short walk to a likely space comes before a shorter one to a lot that fills", () => {
  const from: [number, number] = [119.57, 28.11];
  const lots = [
    lot("next-door", { location: [119.5702, 28.11], level: "few", free: 2 }),
    lot("round-the-corner", { location: [119.573, 28.11] }),
    lot("shut", { location: [119.57, 28.11], level: "closed" }),
    lot("far", { location: [119.6, 28.11] }),
  ];
  const chances = new Map([["next-door", 0.2], ["round-the-corner", 0.98], ["far", 1]]);
  const order = chosen(lots, { ...NO_WISHES, sort: "best" }, { ...NOTHING_AROUND, from, chances });
  assert.deepEqual(order, ["round-the-corner", "next-door", "far", "shut"]);
});
