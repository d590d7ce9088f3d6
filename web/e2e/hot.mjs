// Looks for a planted place on the supervisors' map of hot spots, and follows its figures.
// node hot.mjs --base http://127.0.0.1:8080 --user NAME:WORD --zone ID --out DIR [--timeout 60]; exits 0 if the place is named.
import { join } from "node:path";
import { launch, readArgs } from "./browser.mjs";
import { attempt, done, holds } from "./trial.mjs";

const { base, user, zone, out, timeout = "60" } = readArgs(process.argv.slice(2));
if ([base, user, zone, out].includes(undefined)) {
  process.stderr.write("usage: hot.mjs --base URL --user NAME:WORD --zone ID --out DIR\n");
  process.exit(2);
}
const [name, ...word] = user.split(":");
const browser = await launch({ gl: true });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
const page = await context.newPage();
page.setDefaultTimeout(Number(timeout) * 1000);
page.on("pageerror", (error) => holds("no script fails", false, String(error)));
await page.goto(`${base}/supervisor`);

await attempt("the planted place", async () => {
  await page.waitForSelector(`[data-spot="${zone}"]`);
  holds("the table says that a sign is missing there", (await page.getAttribute(`[data-spot="${zone}"]`, "data-finding")) === "sign_missing");
  const first = await page.getAttribute("[data-spot] >> nth=0", "data-spot");
  holds("and it comes first", first === zone, first);
  await page.locator(".hot").scrollIntoViewIfNeeded();
  await page.waitForSelector('.hot-map [data-map="shown"]');
  await page.click(`[data-spot="${zone}"] .link`);
  await page.waitForSelector(`[data-spot="${zone}"][data-chosen="true"]`);
  const drawn = await page.evaluate(async (which) => {
    const map = document.querySelector(".hot-map .map-canvas").view;
    const idle = map.once("idle");
    map.triggerRepaint();
    await idle;
    const spots = map.queryRenderedFeatures({ layers: ["spot"] }).map(({ properties }) => properties);
    const lots = map.queryRenderedFeatures({ layers: ["lot"] }).map(({ properties }) => properties);
    return { spot: spots.find((spot) => spot.zone === which) ?? null, lots };
  }, zone);
  holds("the map draws it with what is missing", drawn.spot?.finding === "sign_missing" && drawn.spot.label.includes("缺诱导屏"), drawn.spot);
  holds("beside the lots near by and what they had free", drawn.lots.some((lot) => Number(lot.free) > 0), drawn.lots);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(out, "hot.png"), fullPage: true });
  const figure = Number(await page.textContent(`[data-spot="${zone}"] .number .figure`));
  await page.click(`[data-spot="${zone}"] .number .figure`);
  await page.waitForSelector('[data-behind]:not([data-behind=""])');
  const behind = Number(await page.getAttribute("[data-behind]", "data-behind"));
  const listed = await page.locator("dialog.drill .due-list li").count();
  holds("its figure opens as many offences", behind === figure && listed === figure, [figure, behind, listed]);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog.drill", { state: "detached" });
  const busy = await page.$eval(`[data-spot="${zone}"]`, (row) => [...row.querySelectorAll("td.hour")].findIndex((cell) => cell.textContent.trim() !== ""));
  await page.fill('[name="hour"]', String(busy));
  await page.waitForTimeout(300);
  const atHour = await page.evaluate((which) => document.querySelector(".hot-map .map-canvas").view.queryRenderedFeatures({ layers: ["spot"] }).find(({ properties }) => properties.zone === which)?.properties.count ?? 0, zone);
  const inCell = Number(await page.textContent(`[data-spot="${zone}"] td.hour >> nth=${busy} >> .figure`));
  holds("at its busy hour the map shows the table's count", atHour === inCell, [atHour, inCell]);
});

await browser.close();
done();
