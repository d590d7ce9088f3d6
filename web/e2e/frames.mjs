// How short the frames of the map stay while many bays move: zooms on a city's lots, moves its bays by MQTT, and tells the times.
// node frames.mjs --city OUT.geojson [--lots 40 --bays 250]                        writes a city of 10,000 bays to import
// node frames.mjs --url http://127.0.0.1:8080/ --mqtt PORT [--rate 500 --seconds 20 --slow 4]
import { writeFileSync } from "node:fs";
import { launch, readArgs, tell } from "./browser.mjs";
import { speaker } from "./mqtt.mjs";

const { city, lots = "40", bays = "250", url, mqtt, rate = "500", seconds = "20", slow = "4", zoom = "16" } = readArgs(process.argv.slice(2));

/** Lots in a grid, their bays in rows of 25. */
function crowd(lotCount, bayCount) {
  const features = [];
  const across = Math.ceil(Math.sqrt(lotCount));
  for (let n = 0; n < lotCount; n += 1) {
    const [west, south] = [119.57 + (n % across) * 0.0011, 28.11 + Math.floor(n / across) * 0.0009];
    const id = `C${String(n + 1).padStart(2, "0")}`;
    const names = Array.from({ length: bayCount }, (_, bay) => `S${String(bay + 1).padStart(3, "0")}`);
    features.push({
      type: "Feature",
      geometry: { type: "Point", coordinates: [west + 0.0004, south + 0.0003] },
      properties: { kind: "lot", id, name: { zh: `车场${n + 1}`, en: `Lot ${n + 1}` }, capacity: bayCount, spaces: names },
    });
    names.forEach((name, bay) => {
      const [x, y] = [west + (bay % 25) * 0.00003, south + Math.floor(bay / 25) * 0.00007];
      const ring = [[x, y], [x + 0.000025, y], [x + 0.000025, y + 0.00005], [x, y + 0.00005], [x, y]];
      features.push({ type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: { kind: "space", id: name, lot: id } });
    });
  }
  const own = { version: 1, name: { zh: "测试城", en: "Crowd" }, time_zone: "Asia/Shanghai", fictional: true };
  return { type: "FeatureCollection", yunpark: own, groups: [], sensors: [], features };
}

if (city !== undefined) {
  writeFileSync(city, JSON.stringify(crowd(Number(lots), Number(bays))));
  process.exit(0);
}
if (url === undefined || mqtt === undefined) {
  process.stderr.write("usage: frames.mjs --city FILE | --url URL --mqtt PORT [--rate N] [--seconds N] [--slow N]\n");
  process.exit(2);
}

const browser = await launch({ gl: true });
const page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: "zh-CN", reducedMotion: "reduce" });
await page.goto(url);
await page.waitForSelector('[data-map="shown"]', { timeout: 120_000 });
await page.click(".handle button >> nth=1");
const all = (await (await fetch(new URL("/api/v1/lots", url))).json()).lots;
const centre = [0, 1].map((part) => all.reduce((sum, lot) => sum + lot.location[part], 0) / all.length);
await page.evaluate(([at, to]) => document.querySelector(".map-canvas").view.jumpTo({ center: at, zoom: to }), [centre, Number(zoom)]);
await page.waitForTimeout(8000);
const shown = await page.evaluate(() => {
  const map = document.querySelector(".map-canvas").view;
  return { outlines: map.getSource("bays").serialize().data.features.length, drawn: map.queryRenderedFeatures({ layers: ["bay-far", "bay"] }).length };
});

const devtools = await page.context().newCDPSession(page);
await devtools.send("Emulation.setCPUThrottlingRate", { rate: Number(slow) });
/** Times between frames; and what each frame that draws the map costs the page's thread, bays told and map drawn, milliseconds. */
const watch = (ms) =>
  page.evaluate(
    (span) =>
      new Promise((resolve) => {
        const [gaps, work] = [[], []];
        const map = document.querySelector(".map-canvas").view;
        let last = performance.now();
        let moves = 0;
        const own = map.setFeatureState.bind(map);
        const paint = map._render.bind(map);
        let spent = 0;
        map._render = (...told) => {
          const from = performance.now();
          paint(...told);
          spent += performance.now() - from;
          return map;
        };
        map.setFeatureState = (...told) => {
          const from = performance.now();
          moves += 1;
          own(...told);
          spent += performance.now() - from;
        };
        const begun = last;
        const tick = (now) => {
          gaps.push(now - last);
          if (spent > 0) work.push(spent);
          spent = 0;
          last = now;
          if (now - begun < span) requestAnimationFrame(tick);
          else {
            delete map._render;
            delete map.setFeatureState;
            resolve({ gaps, work, moves });
          }
        };
        requestAnimationFrame(tick);
      }),
    ms,
  );
const share = (times, part) => times.length === 0 ? 0 : Number([...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * part)].toFixed(1));
const summary = ({ gaps, work, moves }) => ({
  frames: gaps.length,
  moves,
  frame_ms: { p50: share(gaps, 0.5), p95: share(gaps, 0.95), p99: share(gaps, 0.99), most: share(gaps, 1) },
  drawn_frames: work.length,
  page_ms_of_drawn: { p50: share(work, 0.5), p95: share(work, 0.95), most: share(work, 1) },
});

const still = summary(await watch(5000));
const broker = await speaker(Number(mqtt), `frames-${process.pid}`);
const spaces = all.flatMap((lot) => Array.from({ length: lot.capacity }, (_, n) => [lot.id, `S${String(n + 1).padStart(3, "0")}`]));
let seq = Date.now();
const taken = new Set();
const timer = setInterval(() => {
  for (let n = 0; n < Number(rate) / 20; n += 1) {
    const [lot, space] = spaces[Math.floor(Math.random() * spaces.length)];
    const key = `${lot}/${space}`;
    const state = taken.delete(key) ? "free" : (taken.add(key), "occupied");
    seq += 1;
    broker.say(`yunpark/v1/space/${lot}/${space}/state`, JSON.stringify({ state, at: new Date().toISOString(), seq }));
  }
}, 50);
await page.waitForTimeout(3000);
const moving = summary(await watch(Number(seconds) * 1000));
clearInterval(timer);
broker.leave();
await browser.close();
tell({ bays: spaces.length, ...shown, slow: Number(slow), rate: Number(rate), still, moving });
