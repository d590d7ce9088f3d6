// Where a reader may want to go, found in what the city's own file names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { meant, placesOf } from "../src/public/places.ts";
import type { Lot } from "../src/types.ts";

const map: GeoJSON.FeatureCollection = {
  type: "FeatureCollection",
  features: [
    { type: "Feature", geometry: { type: "LineString", coordinates: [[119, 28], [119, 28.01], [119, 28.04]] }, properties: { kind: "street", id: "S1", name: { zh: "中山街", en: "Zhongshan Street" } } },
    { type: "Feature", geometry: { type: "LineString", coordinates: [[119.1, 28], [119.1, 28.02]] }, properties: { kind: "street", id: "S2", name: { zh: "中山街", en: "Zhongshan Street" } } },
    { type: "Feature", geometry: { type: "Polygon", coordinates: [[[119, 28], [119.02, 28], [119.02, 28.02], [119, 28.02], [119, 28]]] }, properties: { kind: "base", class: "green", name: { zh: "中心公园", en: "Central Park" } } },
    { type: "Feature", geometry: { type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] }, properties: { kind: "base", class: "building", name: null } },
  ],
};
const lots = [{ id: "L1", name: { zh: "中医院车库", en: "Hospital" }, location: [119.5, 28.1] }] as unknown as Lot[];

test("a street is met half-way along it, a park in its middle", () => {
  const places = placesOf(map, lots);
  assert.deepEqual(places.map(({ kind }) => kind), ["street", "street", "sight", "lot"]);
  assert.ok(Math.abs((places[0]?.at[1] ?? 0) - 28.02) < 1e-9);
  assert.deepEqual(places[2]?.at.map((degrees) => Number(degrees.toFixed(6))), [119.01, 28.01]);
});

test("names and initials lead to places; a street in two pieces is named once, and streets come before lots", () => {
  const places = placesOf(map, lots);
  assert.deepEqual(meant(places, "中", 9).map(({ id }) => id), ["street/S1", "sight/中心公园 Central Park", "lot/L1"]);
  assert.deepEqual(meant(places, "zsj", 9).map(({ id }) => id), ["street/S1"]);
  assert.deepEqual(meant(places, "park", 9).map(({ kind }) => kind), ["sight"]);
  assert.equal(meant(places, "中", 1).length, 1);
  assert.deepEqual(meant(places, "  ", 9), []);
});
