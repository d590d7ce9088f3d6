// A citizen reports from a phone, the centre opens it, an officer puts it right with no network, the centre verifies and evaluates,
// and the citizen sees it by receipt; says what held.
// node matters.mjs --base http://127.0.0.1:8080 --supervisor NAME:WORD --officer NAME:WORD --photo FILE --out DIR [--timeout 30]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, launchKept, readArgs, tell } from "./browser.mjs";
import { done, holds } from "./trial.mjs";

const { base, supervisor, officer, photo, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, supervisor, officer, photo, out].includes(undefined)) {
  process.stderr.write("usage: matters.mjs --base URL --supervisor NAME:WORD --officer NAME:WORD --photo FILE --out DIR\n");
  process.exit(2);
}
const phone = {
  viewport: { width: 360, height: 780 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN",
  reducedMotion: "reduce",
  geolocation: { longitude: 119.5705, latitude: 28.10825, accuracy: 6 },
  permissions: ["geolocation"],
};
const patience = Number(timeout) * 1000;
const profile = mkdtempSync(join(tmpdir(), "yunpark-matters-"));

function watched(page) {
  page.setDefaultTimeout(patience);
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  return page;
}

async function signIn(context, who) {
  const [name, ...word] = who.split(":");
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
  if (!answer.ok()) throw new Error(`sign-in failed: ${answer.status()}`);
}

/** Opens the matter of a number at the desk as it is in a stage; what was opened of it before may still stand there meanwhile. */
async function openMatter(desk, stage, number) {
  await desk.click(`[data-filter="${stage}"]`);
  await desk.click(`[data-matter="${number}"]`);
  await desk.waitForSelector(`[data-opened="${number}"][data-state="${stage}"]`);
}

const browser = await launch({ gl: false });
let kept = null;
try {
  // The citizen: a kind, a photo, a place; nothing else is asked.
  const street = watched(await (await browser.newContext(phone)).newPage());
  await street.goto(`${base}/report`);
  await street.tap('[data-kind="E0502"]');
  await street.setInputFiles('input[name="photo"]', photo);
  await street.waitForSelector(".shots img");
  await street.tap("[data-locate]");
  await street.waitForSelector('[data-mark="here"]');
  await street.fill('[name="place"]', "凤鸣街 8 号门前");
  await street.fill('[name="what"]', "电动车堵住盲道");
  await street.screenshot({ path: join(out, "report.png"), fullPage: true });
  await street.tap('form[name="report"] [type="submit"]');
  const receipt = await (await street.waitForSelector("[data-receipt]")).getAttribute("data-receipt");
  holds("the citizen has a receipt", /^[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}$/.test(receipt), receipt);
  await street.tap("[data-see]");
  await street.waitForSelector('[data-state="collected"]');
  holds("the receipt is an address of its own", street.url().endsWith(`/report/${receipt}`), street.url());
  const number = await street.getAttribute("[data-number]", "data-number");

  // The centre opens it; the rule gives it to the unit of the cell.
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
  await signIn(context, supervisor);
  const desk = watched(await context.newPage());
  await desk.goto(`${base}/matters`);
  await openMatter(desk, "collected", number);
  holds("the matter lies in the cell of its place", (await desk.textContent("[data-opened] .facts")).includes("一号单元"));
  holds("the photo is there", (await desk.locator("[data-opened] .said .evidence").count()) === 1);
  await desk.screenshot({ path: join(out, "desk.png"), fullPage: true });
  await desk.click('form[name="step-open"] [type="submit"]');
  await desk.waitForSelector("[data-done]");

  // The officer reads the list, loses the network, puts it right with a photo, closes the page, and comes back.
  kept = await launchKept(profile, phone);
  const first = watched(await kept.context.newPage());
  await signIn(kept.context, officer);
  await first.goto(`${base}/officer#matters`);
  await first.waitForFunction(() => document.querySelector("[data-field-matters]") !== null);
  await first.waitForSelector(`[data-field-matter="${number}"]`, { timeout: patience });
  // The page and its files are on the phone before the network goes.
  await first.waitForFunction(() => caches.match("/officer").then((kept) => kept !== undefined));
  await kept.context.setOffline(true);
  await first.tap(`[data-handle="${number}"]`);
  await first.setInputFiles('input[name="handled"]', photo);
  await first.waitForSelector("form[name=handle] figure img");
  await first.fill('form[name="handle"] textarea', "已劝离，盲道畅通");
  await first.screenshot({ path: join(out, "field.png"), fullPage: true });
  await first.tap('form[name="handle"] [type="submit"]');
  await first.waitForSelector('[data-queue="1"]');
  holds("it waits on the phone", true);
  await first.reload();
  await first.waitForSelector('[data-queue="1"]');
  holds("it still waits after the page was opened anew with no network", true);
  await kept.context.setOffline(false);
  await first.waitForSelector('[data-queue="0"]');
  holds("it is sent when the network is back", true);

  // The centre verifies and evaluates.
  await openMatter(desk, "fed_back", number);
  holds("the unit's word and photo stand in its history", (await desk.textContent("[data-opened] .history")).includes("盲道畅通"));
  await desk.click("[data-passed]");
  await desk.waitForSelector('[data-opened][data-state="closed"]');
  await street.reload();
  await street.waitForSelector('[data-state="closed"]');
  holds("the citizen sees what was done", (await street.textContent(".answer")).includes("盲道畅通"));
  holds("the citizen sees no officer's name", !(await street.textContent("main")).includes(officer.split(":")[0]));
  await street.tap('[data-judge="5"]');
  await street.waitForSelector(".standing-card .saved");
  await desk.click('form[name="step-evaluate"] [type="submit"]');
  await desk.waitForSelector('[data-opened][data-state="evaluated"]');
  await street.reload();
  await street.waitForSelector('[data-state="evaluated"]');
  await street.screenshot({ path: join(out, "followed.png"), fullPage: true });

  // The rest of the desk.
  for (const [tab, ready] of [["map", "[data-map]"], ["scores", "[data-score]"], ["patrol", "[data-walked]"], ["grid", '[data-grid="1"]'], ["links", ".empty"]]) {
    await desk.click(`[data-tab="${tab}"]`);
    await desk.waitForSelector(ready);
    await desk.screenshot({ path: join(out, `${tab}.png`), fullPage: true });
  }
  await desk.click('[data-tab="patrol"]');
  await desk.click("[data-walked]");
  await desk.waitForFunction(() => !document.querySelector("[data-cell]")?.textContent?.includes("从未"));
  holds("a cell that was walked is no longer due", true);
  tell({ event: "receipt", receipt, number });
} catch (error) {
  holds("the way is walked to its end", false, String(error));
} finally {
  await kept?.context.close();
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
done();
