// A base map of one tile, written as PMTiles, and whether the map is drawn on it: an orange picture, or shapes with water everywhere.
// node base.mjs --write FILE.pmtiles [--tile picture|shapes]
// node base.mjs --url http://127.0.0.1:8080/ --attribution TEXT [--tile picture|shapes] [--timeout 60]; exits 0 if the map is orange, or
// as blue as its water, names its source, and draws the lots where GCJ-02 has them.
import { writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { launch, readArgs, tell } from "./browser.mjs";

const { write, url, attribution, tile = "picture", timeout = "60" } = readArgs(process.argv.slice(2));
const SIDE = 256;
const DEEPEST = 15;

/** A PNG of one colour. */
function picture(red, green, blue) {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(SIDE * 3, Buffer.from([red, green, blue]))]);
  const part = (name, body) => {
    const named = Buffer.concat([Buffer.from(name), body]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(SIDE, 0);
  head.writeUInt32BE(SIDE, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const magic = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([magic, part("IHDR", head), part("IDAT", deflateSync(Buffer.concat(Array.from({ length: SIDE }, () => row)))), part("IEND", Buffer.alloc(0))]);
}

function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** A Mapbox vector tile (version 2.1) whose one layer, `water`, covers all of it. */
function shapes() {
  const [polygon, moveTo, threeLines, close, side, back] = [3, 9, 26, 15, 8192, 8191];
  const field = (number, body) => Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
  const outline = Buffer.concat([moveTo, 0, 0, threeLines, side, 0, 0, side, back, 0, close].map(varint));
  const feature = Buffer.concat([Buffer.from([3 * 8, polygon]), field(4, outline)]);
  const extent = Buffer.concat([varint(5 * 8), varint(4096)]);
  return field(3, Buffer.concat([Buffer.from([15 * 8, 2]), field(1, Buffer.from("water")), field(2, feature), extent]));
}

/** PMTiles version 3 with one tile that stands for every place at every zoom. */
function archive(tile, kind) {
  const tiles = (4 ** (DEEPEST + 1) - 1) / 3;
  // One entry: from tile 0 on, so many tiles, so many bytes, from the first byte of the data.
  const directory = Buffer.concat([1, 0, tiles, tile.length, 1].map(varint));
  const notes = Buffer.from("{}");
  const head = Buffer.alloc(127);
  head.write("PMTiles");
  head[7] = 3;
  const starts = [127, 127 + directory.length, 0, 127 + directory.length + notes.length];
  const lengths = [directory.length, notes.length, 0, tile.length];
  starts.forEach((start, place) => {
    head.writeBigUInt64LE(BigInt(start), 8 + place * 16);
    head.writeBigUInt64LE(BigInt(lengths[place]), 16 + place * 16);
  });
  [tiles, 1, 1].forEach((count, place) => head.writeBigUInt64LE(BigInt(count), 72 + place * 8));
  // Clustered; nothing packed; its kind; zooms; the whole world.
  head.set([1, 1, 1, kind, 0, DEEPEST], 96);
  [-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000].forEach((edge, place) => head.writeInt32LE(edge, 102 + place * 4));
  return Buffer.concat([head, directory, notes, tile]);
}

if (write !== undefined) {
  writeFileSync(write, tile === "shapes" ? archive(shapes(), 1) : archive(picture(255, 140, 0), 2));
  process.exit(0);
}
if (url === undefined || attribution === undefined) {
  process.stderr.write("usage: base.mjs --write FILE | --url URL --attribution TEXT [--timeout SECONDS]\n");
  process.exit(2);
}

const browser = await launch({ gl: true });
let seen = null;
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 }, locale: "zh-CN", reducedMotion: "reduce" });
  page.on("pageerror", (error) => tell({ event: "page_error", message: String(error) }));
  page.on("console", (message) => message.type() === "error" && tell({ event: "console_error", message: message.text() }));
  await page.goto(url);
  await page.waitForSelector('[data-map="shown"]', { timeout: Number(timeout) * 1000 });
  seen = await page.evaluate(async () => {
    const map = document.querySelector(".map-canvas").view;
    const drawn = map.once("idle");
    map.triggerRepaint();
    await drawn;
    const { lots } = await (await fetch("/api/v1/lots")).json();
    const [lon, lat] = lots[0].location;
    const shown = map.getSource("lots").serialize().data.features.find(({ properties }) => properties.id === lots[0].id).geometry.coordinates;
    const north = ((shown[1] - lat) * Math.PI * 6_371_000) / 180;
    const east = ((shown[0] - lon) * Math.PI * 6_371_000 * Math.cos((lat * Math.PI) / 180)) / 180;
    const colour = await new Promise((resolve) => {
      map.once("render", () => {
        const canvas = map.getCanvas();
        const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        pen.drawImage(canvas, 0, 0);
        resolve([...pen.getImageData(20, 300, 1, 1).data].slice(0, 3));
      });
      map.triggerRepaint();
    });
    const water = map.getLayer("water") === undefined ? "" : map.getPaintProperty("water", "fill-color");
    return { colour, water, shifted_m: Math.round(Math.hypot(north, east)), corner: document.querySelector(".maplibregl-ctrl-attrib")?.textContent ?? "" };
  });
} catch (error) {
  tell({ event: "failed", message: String(error) });
} finally {
  await browser.close();
}
tell({ event: "seen", ...seen });
const isOrange = seen !== null && seen.colour[0] > seen.colour[1] + 40 && seen.colour[1] > seen.colour[2] + 20;
const isWater = seen !== null && /^#[0-9a-f]{6}$/.test(seen.water) && seen.colour.every((part, place) => Math.abs(part - parseInt(seen.water.slice(1 + place * 2, 3 + place * 2), 16)) < 8);
process.exit((tile === "shapes" ? isWater : isOrange) && seen.corner.includes(attribution) && seen.shifted_m > 400 && seen.shifted_m < 800 ? 0 : 1);
