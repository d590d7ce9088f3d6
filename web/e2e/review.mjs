// Decides incidents by keyboard alone: first one officer, then two at once who must never meet; says what held.
// node review.mjs --url http://127.0.0.1:8080/officer --one NAME:WORD --other NAME:WORD --alone 50 --out DIR [--timeout 30]
// Exits 0 if all of it held; tells each decision as a line with `decided`.
import { join } from "node:path";
import { launch, readArgs, tell } from "./browser.mjs";

const { url, one, other, alone, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([url, one, other, alone, out].includes(undefined)) {
  process.stderr.write("usage: review.mjs --url URL --one NAME:WORD --other NAME:WORD --alone N --out DIR [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = Number(timeout) * 1000;
let faults = 0;

function holds(what, held, detail = undefined) {
  faults += Number(!held);
  tell({ event: held ? "held" : "broken", what, ...(detail === undefined ? {} : { detail }) });
}

const browser = await launch({ gl: false });

/** An officer at a desk of their own. */
async function desk(who) {
  const [name, ...word] = who.split(":");
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "zh-CN", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  // Every word of fault that ever stands on the page, however short.
  await page.addInitScript(() => {
    window.faultsSeen = [];
    new MutationObserver(() => {
      for (const fault of document.querySelectorAll(".fault")) window.faultsSeen.push(fault.textContent);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  await page.goto(`${url}#review`);
  await page.fill('[name="name"]', name);
  await page.fill('[name="password"]', word.join(":"));
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-review]");
  return { name, page };
}

const KEYS = [["1"], ["2"], ["3", "4"], ["1"], ["3", "6"]];
const WORDS = ["warning", "penalty", "reject", "warning", "reject"];

/** Decides up to `most`, or until nothing is left; what was decided, in order. */
async function work({ name, page }, most) {
  const done = [];
  while (done.length < most) {
    await page.waitForFunction(() => document.querySelector("[data-incident]") !== null || document.querySelector('[data-review="0"]') !== null);
    const id = await page.evaluate(() => document.querySelector("[data-incident]")?.getAttribute("data-incident") ?? null);
    if (id === null) break;
    const nth = done.length % KEYS.length;
    for (const key of KEYS[nth]) await page.keyboard.press(key);
    const focused = `[data-incident="${id}"] [data-decision="${WORDS[nth] === "reject" ? "reject" : WORDS[nth]}"]:focus`;
    await page.waitForSelector(focused);
    if (done.length === 2) await page.screenshot({ path: join(out, `review-${name}.png`) });
    await page.keyboard.press("Enter");
    await page.waitForFunction((before) => document.querySelector(`[data-incident="${before}"]`) === null, id);
    done.push(id);
    tell({ decided: id, as: WORDS[nth], by: name });
  }
  return done;
}

try {
  const first = await desk(one);
  await first.page.waitForSelector("[data-incident]");
  const pictures = await first.page.locator(".pictures img").count();
  holds("two shots stand side by side", pictures === 2);
  const told = await first.page.textContent(".facts");
  holds("rule, stay, exemptions and lots are told", ["禁止停车", "上限", "豁免", "违停当时"].every((word) => told.includes(word)), told);
  const before = await first.page.getAttribute("[data-incident]", "data-incident");
  await first.page.keyboard.press("j");
  await first.page.waitForFunction((id) => document.querySelector("[data-incident]")?.getAttribute("data-incident") !== id, before);
  await first.page.keyboard.press("k");
  await first.page.waitForSelector(`[data-incident="${before}"]`);
  holds("next and previous by key", true);
  const done = await work(first, Number(alone));
  holds("all of them by keyboard", done.length === Number(alone) && new Set(done).size === done.length, done.length);

  const second = await desk(other);
  const [mine, theirs] = await Promise.all([work(first, 500), work(second, 500)]);
  const both = [...mine, ...theirs];
  holds("two at once never decide one twice", new Set(both).size === both.length && mine.length > 0 && theirs.length > 0, [mine.length, theirs.length]);
  for (const { name, page } of [first, second]) {
    const seen = await page.evaluate(() => window.faultsSeen);
    const left = await page.getAttribute("[data-review]", "data-review");
    holds(`${name} saw no fault, and nothing is left`, seen.length === 0 && left === "0", [seen, left]);
  }
} catch (error) {
  holds("the desk works", false, String(error));
}

await browser.close();
tell({ event: "done", faults });
process.exit(faults === 0 ? 0 : 1);
