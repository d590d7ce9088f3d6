// Positions handed to Chinese map applications, and distances told to people.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, distanceM, distanceWords, fromGcj02, toGcj02, walkMinutes } from "../src/geo.ts";
import { moved, shiftBack, shiftTo } from "../src/map/datum.ts";
import { navigationLink, target } from "../src/public/links.ts";

test("a lot in Yunhe is shifted to where a Chinese map wants it", () => {
  const [lon, lat] = toGcj02([119.573, 28.115]);
  assert.ok(Math.abs(lon - 119.577634) < 1e-6, `lon ${lon}`);
  assert.ok(Math.abs(lat - 28.111562) < 1e-6, `lat ${lat}`);
});

test("the shift in Yunhe is about 594 metres", () => {
  assert.ok(Math.abs(distanceM([119.573, 28.115], toGcj02([119.573, 28.115])) - 594) < 2);
});

test("outside China nothing is shifted", () => {
  assert.deepEqual(toGcj02([13.4, 52.5]), [13.4, 52.5]);
});

test("a degree of latitude is 111 kilometres", () => {
  assert.ok(Math.abs(distanceM([119, 28], [119, 29]) - 111_195) < 20);
});

test("distances are rounded to what a walker cares about", () => {
  assert.equal(distanceWords(3), "10 m");
  assert.equal(distanceWords(121), "120 m");
  assert.equal(distanceWords(994), "990 m");
  assert.equal(distanceWords(1240), "1.2 km");
  assert.equal(distanceWords(12_400), "12 km");
});

test("a walk is never zero minutes", () => {
  assert.equal(walkMinutes(5), 1);
  assert.equal(walkMinutes(400), 5);
});

test("the box around no lots is no box", () => {
  assert.equal(boundsOf([]), null);
  assert.deepEqual(boundsOf([[1, 5], [3, 2]]), [1, 2, 3, 5]);
});

test("each map application gets the order and the datum it wants", () => {
  const at: [number, number] = [119.573, 28.115];
  assert.match(navigationLink("amap", at, "城西"), /to=119\.577634,28\.111562,/);
  assert.match(navigationLink("tencent", at, "城西"), /coord:28\.111562,119\.577634;/);
  assert.match(navigationLink("baidu", at, "城西"), /location=28\.115000,119\.573000&.*coord_type=wgs84/);
  assert.match(navigationLink("geo", at, "城西"), /^geo:28\.115000,119\.573000\?/);
});

test("a name cannot break out of a link", () => {
  assert.ok(!navigationLink("amap", [119, 28], "a&mode=walk,b").includes("&mode=walk"));
});

test("a driver is led to the entrance, not to the middle of the lot", () => {
  assert.deepEqual(target([1, 2], [[3, 4]]), [3, 4]);
  assert.deepEqual(target([1, 2], []), [1, 2]);
});

test("back from the shifted datum is where it began, within a centimetre", () => {
  for (const at of [[119.573, 28.115], [116.397, 39.909], [87.6, 43.8], [2.35, 48.86]] as [number, number][]) {
    assert.ok(distanceM(at, fromGcj02(toGcj02(at))) < 0.01, at.join());
  }
});

test("every corner of what is drawn is shifted for a base map of the shifted datum, and nothing for another", () => {
  const base = { kind: "raster", url: "", schema: "protomaps", datum: "gcj02", attribution: "", max_zoom: 18, tile_px: 256 } as const;
  const area: GeoJSON.Polygon = { type: "Polygon", coordinates: [[[119.57, 28.11], [119.58, 28.11], [119.58, 28.12], [119.57, 28.11]]] };
  const there = moved(area, shiftTo(base)) as GeoJSON.Polygon;
  there.coordinates[0]?.forEach((corner, place) => assert.deepEqual(corner, toGcj02(area.coordinates[0]?.[place] as [number, number])));
  assert.ok(distanceM([119.57, 28.11], shiftBack(base)(there.coordinates[0]?.[0] as [number, number])) < 0.01);
  assert.equal(moved(area, shiftTo(null)), area);
});
