// Looks up a plate and works the supervisors' and the operators' desks as people do, and says what held: purpose before, audit after,
// evidence held against its hash, every figure opens its records, what is due, where it gathers, a lot closed by hand.
// node desks.mjs --base http://127.0.0.1:8080 --supervisor NAME:WORD --officer NAME:WORD --plate PLATE --zone ID --finding WORD
// --out DIR [--timeout 30]; exits 0 if all of it held.
import { join } from "node:path";
import { launch, readArgs, tell } from "./browser.mjs";
import { done, holds } from "./trial.mjs";

const { base, supervisor, officer, plate, zone, finding, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, supervisor, officer, plate, zone, finding, out].includes(undefined)) {
  process.stderr.write("usage: desks.mjs --base URL --supervisor NAME:WORD --officer NAME:WORD --plate PLATE --zone ID --finding WORD --out DIR\n");
  process.exit(2);
}

const browser = await launch({ gl: false });

async function opened(who, path) {
  const [name, ...word] = who.split(":");
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
  if (!answer.ok()) throw new Error(`sign-in failed: ${answer.status()}`);
  const page = await context.newPage();
  page.setDefaultTimeout(Number(timeout) * 1000);
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  await page.goto(base + path);
  return page;
}

async function lookUp(page) {
  await page.fill('form[name="plate-history"] [name="plate"]', plate);
  holds("without a purpose nothing can be asked", await page.isDisabled('form[name="plate-history"] [type="submit"]'));
  await page.selectOption('form[name="plate-history"] [name="purpose"]', { index: 3 });
  await page.click('form[name="plate-history"] [type="submit"]');
  await page.waitForSelector("[data-history]");
}

try {
  const page = await opened(supervisor, "/officer#plates");
  await lookUp(page);
  const seq = Number(await page.getAttribute("[data-audited]", "data-audited"));
  holds("the look-up's entry in the ledger is named", seq > 0, seq);
  holds("a supervisor may export", (await page.locator('a[href*="format=csv"]').count()) === 1);
  await page.click('[data-entry="warning"] summary');
  await page.waitForSelector('[data-entry="warning"] .steps li');
  await page.click('[data-entry="warning"] .evidence >> nth=0');
  await page.waitForSelector('[data-held="same"]');
  holds("the evidence is the ledger's, bit by bit", true);
  await page.screenshot({ path: join(out, "evidence.png") });
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog.large", { state: "detached" });
  await page.screenshot({ path: join(out, "plates.png"), fullPage: true });

  const theirs = await opened(officer, "/officer#plates");
  await lookUp(theirs);
  holds("an officer may not", (await theirs.locator('a[href*="format=csv"]').count()) === 0);

  const desk = await opened(supervisor, "/supervisor");
  await desk.waitForSelector("[data-statistics]");
  for (const tile of ["warnings", "penalties", "incidents_ripe"]) {
    const figure = Number(await desk.textContent(`[data-tile="${tile}"] .figure`));
    await desk.click(`[data-tile="${tile}"] .figure`);
    await desk.waitForFunction(() => !["", undefined].includes(document.querySelector("[data-behind]")?.getAttribute("data-behind") ?? ""));
    const behind = Number(await desk.getAttribute("[data-behind]", "data-behind"));
    holds(`the figure of ${tile} opens as many entries`, behind === figure && figure > 0, [figure, behind]);
    await desk.keyboard.press("Escape");
    await desk.waitForSelector("dialog.drill", { state: "detached" });
  }
  // A warning gives a week and the rest of its last day.
  await desk.click('[data-dues] .chip:text-is("30 天内")');
  await desk.waitForSelector("[data-due]");
  const dues = Number(await desk.getAttribute("[data-dues]", "data-dues"));
  const listed = await desk.locator("[data-due]").count();
  holds("what is due is listed with its article", dues > 0 && listed === Math.min(dues, 8), [dues, listed]);
  await desk.click("[data-due] .link >> nth=0");
  await desk.waitForSelector("dialog.drill [data-record]");
  holds("and opens its record", true);
  await desk.keyboard.press("Escape");
  await desk.waitForSelector(`[data-spot="${zone}"]`);
  const said = await desk.getAttribute(`[data-spot="${zone}"]`, "data-finding");
  holds("the place and what is missing there are named", said === finding, said);
  await desk.waitForSelector('[data-funnel="shown"]');
  tell({ funnel: await desk.$$eval("[data-stage]", (all) => Object.fromEntries(all.map((one) => [one.getAttribute("data-stage"), Number(one.textContent)]))) });
  await desk.screenshot({ path: join(out, "supervisor.png"), fullPage: true });

  const operations = await opened(supervisor, "/operator");
  await operations.waitForSelector('[name="lot"] option[value="L1"]', { state: "attached" });
  await operations.selectOption('[name="lot"]', "L1");
  holds("nothing is done without a reason", await operations.isDisabled('[data-act="close"]'));
  await operations.fill('[name="lot-reason"]', "检修");
  await operations.click('[data-act="close"]');
  await operations.waitForSelector('.acts [data-standing="closed"]');
  await operations.click('[data-act="open"]');
  await operations.waitForSelector('.acts [data-standing]:not([data-standing="closed"])');
  holds("a lot is closed and opened again", (await operations.locator('[data-told="done"]').count()) === 1);
  await operations.fill('[name="occupied"]', "3");
  await operations.click('[data-act="correct"]');
  await operations.waitForSelector('[data-told="fault"]');
  holds("a count by hand is refused where bays are counted, with the reason", (await operations.textContent('[data-told="fault"]')).length > 10);
} catch (error) {
  holds("the desks work", false, String(error));
}

await browser.close();
done();
