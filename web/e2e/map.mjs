// Uses the map of the public page, and says what held: piles of lots, bays in their colours, a bay that turns red, a destination by a
// tap, signs. node map.mjs --url http://127.0.0.1:8080/ --lot L1 --mqtt PORT [--timeout 60]; exits 0 if all of it held.
// The lot's bay S005 must be taken and S009 free.
import { execFileSync } from "node:child_process";
import { launch, readArgs } from "./browser.mjs";
import { done, holds } from "./trial.mjs";

const { url, lot, mqtt, timeout = "60" } = readArgs(process.argv.slice(2));
if (url === undefined || lot === undefined || mqtt === undefined) {
  process.stderr.write("usage: map.mjs --url URL --lot ID --mqtt PORT [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = { timeout: Number(timeout) * 1000 };

const browser = await launch({ gl: true });
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 }, locale: "zh-CN", reducedMotion: "reduce" });
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  await page.goto(url);
  await page.waitForSelector('[data-map="shown"]', patience);

  /** Once the map has drawn all it knows. */
  const settled = () =>
    page.evaluate(() => {
      const map = document.querySelector(".map-canvas").view;
      const drawn = map.once("idle");
      map.triggerRepaint();
      return drawn.then(() => undefined);
    });
  const layersAt = (zoom) =>
    page.evaluate(async (to) => {
      const map = document.querySelector(".map-canvas").view;
      const drawn = map.once("idle");
      map.jumpTo({ zoom: to });
      map.triggerRepaint();
      await drawn;
      const seen = (layer) => map.queryRenderedFeatures({ layers: [layer] }).map(({ properties }) => properties);
      return { piles: seen("cluster"), lots: new Set(seen("lot-dot").map(({ id }) => id)).size };
    }, zoom);
  const far = await layersAt(11);
  holds("far away, lots stand as one pile with the sum of their places", far.piles.length > 0 && far.piles[0].sum > 0 && far.piles[0].point_count > 1, far);
  const near = await layersAt(15);
  holds("nearer, each stands by itself", near.piles.length === 0 && near.lots > 1, near);

  await page.evaluate(async (id) => {
    const map = document.querySelector(".map-canvas").view;
    const { location } = await (await fetch(`/api/v1/lots/${id}`)).json();
    map.jumpTo({ center: location, zoom: 18 });
  }, lot);
  await page.waitForFunction((id) => document.querySelector(".map-canvas").view.getFeatureState({ source: "bays", id }).state !== undefined, `${lot}/S009`, patience);

  /** The colour a bay is painted in, near its corner, where no sign is drawn over it. */
  const colourOf = (bay) =>
    page.evaluate(
      async ([id, own]) => {
        const map = document.querySelector(".map-canvas").view;
        const { spaces } = await (await fetch(`/api/v1/lots/${id}/spaces`)).json();
        const ring = spaces.find((space) => space.id === own).outline.coordinates[0];
        const [a, c] = [ring[0], ring[2]];
        const point = map.project([a[0] + (c[0] - a[0]) * 0.2, a[1] + (c[1] - a[1]) * 0.2]);
        return new Promise((resolve) => {
          map.once("render", () => {
            const canvas = map.getCanvas();
            const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
            pen.drawImage(canvas, 0, 0);
            const scale = canvas.width / canvas.clientWidth;
            const [red, green, blue] = pen.getImageData(Math.round(point.x * scale), Math.round(point.y * scale), 1, 1).data;
            resolve({ red, green, blue });
          });
          map.triggerRepaint();
        });
      },
      [lot, bay],
    );
  const isRed = ({ red, blue }) => red > blue + 60;
  const isBlue = ({ red, blue }) => blue > red + 60;
  await settled();
  holds("a taken bay is red and a free one blue", isRed(await colourOf("S005")) && isBlue(await colourOf("S009")), { taken: await colourOf("S005"), free: await colourOf("S009") });
  const payload = JSON.stringify({ state: "occupied", at: new Date().toISOString(), seq: 2 });
  execFileSync("mosquitto_pub", ["-h", "127.0.0.1", "-p", mqtt, "-q", "1", "-t", `yunpark/v1/space/${lot}/S009/state`, "-m", payload]);
  await page.waitForFunction((id) => document.querySelector(".map-canvas").view.getFeatureState({ source: "bays", id }).state === "occupied", `${lot}/S009`, patience);
  holds("a message of its sensor turns it red", isRed(await colourOf("S009")), await colourOf("S009"));
  await page.evaluate(() => {
    const map = document.querySelector(".map-canvas").view;
    map.once("style.load", () => (map.getContainer().dataset.dressed = "anew"));
  });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForSelector('[data-dressed="anew"]', patience);
  await settled();
  holds("and so it stays when the map turns dark", isRed(await colourOf("S009")), await colourOf("S009"));

  await page.click(".pick");
  await page.click(".map-canvas", { position: { x: 200, y: 500 } });
  await page.waitForSelector("[data-goal]", patience);
  holds("a tap on the map names the destination", (await page.inputValue('select[name="sort"]')) === "best");
  await page.click(".signs-layer");
  await page.waitForFunction(() => document.querySelector(".map-canvas").view.getSource("signs") !== undefined, null, patience);
  await page.evaluate(async () => {
    const map = document.querySelector(".map-canvas").view;
    const { signs } = await (await fetch("/api/v1/signs")).json();
    map.jumpTo({ center: signs[0].location, zoom: 17 });
  });
  await page.waitForFunction(() => document.querySelector(".map-canvas").view.queryRenderedFeatures({ layers: ["sign"] }).length > 0, null, patience);
  const middle = await page.evaluate(() => {
    const map = document.querySelector(".map-canvas").view;
    const { x, y } = map.project(map.getCenter());
    return { x, y };
  });
  await page.click(".map-canvas", { position: middle });
  await page.waitForSelector("[data-map-sign]", patience);
  holds("a tap on a sign tells what it shows", true);
} catch (error) {
  holds("the map can be used", false, String(error));
} finally {
  await browser.close();
}
done();
