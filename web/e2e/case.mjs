// Works one penalty case at the desk as people do: decided on the spot with its party named, served, printed, appealed against, and
// taken back by the review; and says what held.
// node case.mjs --base http://127.0.0.1:8080 --officer NAME:WORD --supervisor NAME:WORD --number NUMBER --out DIR [--timeout 30]
import { join } from "node:path";
import { launch, readArgs } from "./browser.mjs";
import { done, holds } from "./trial.mjs";

const { base, officer, supervisor, number, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, officer, supervisor, number, out].includes(undefined)) {
  process.stderr.write("usage: case.mjs --base URL --officer NAME:WORD --supervisor NAME:WORD --number NUMBER --out DIR\n");
  process.exit(2);
}

const browser = await launch({ gl: false });

async function opened(who, options) {
  const [name, ...word] = who.split(":");
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
  if (!answer.ok()) throw new Error(`sign-in failed: ${answer.status()}`);
  const page = await context.newPage();
  page.setDefaultTimeout(Number(timeout) * 1000);
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  await page.goto(`${base}/officer#records`);
  await page.locator("[data-record]", { hasText: number }).locator("summary").first().click();
  await page.waitForSelector("[data-case]");
  return page;
}

async function take(page, step, fields) {
  await page.click(`[data-step="${step}"]`);
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`form[name="step"] [name="${name}"]`);
    if ((await field.evaluate((one) => one.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await page.click('form[name="step"] [type="submit"]');
  await page.waitForSelector('form[name="step"]', { state: "detached" });
}

try {
  const page = await opened(officer, { viewport: { width: 1280, height: 900 }, locale: "zh-CN" });
  holds("an officer is not offered what only a supervisor does", (await page.locator('[data-step="revoke"]').count()) === 0);
  await page.click('[data-step="decide_on_spot"]');
  await page.fill('form[name="step"] [name="amount_yuan"]', "5000");
  await page.fill('form[name="step"] [name="articles"]', "道路交通安全法 第九十三条");
  await page.fill('form[name="step"] [name="why"]', "当场查明");
  await page.click('form[name="step"] [type="submit"]');
  await page.waitForSelector('form[name="step"] .fault');
  holds("more than the law allows is refused in words", (await page.textContent('form[name="step"] .fault')).includes("法定上限"));
  await page.screenshot({ path: join(out, "case-step.png"), fullPage: true });
  await page.click('[data-step="decide_on_spot"]');
  const party = { party_name: "赵某某", party_address: "解放街 21 号" };
  await take(page, "decide_on_spot", { amount_yuan: "150", articles: "道路交通安全法 第九十三条", ...party, why: "当场查明" });
  await page.waitForSelector('[data-document="decision"]');
  await take(page, "serve", { how: "direct", why: "当场交付" });
  await page.waitForSelector('[data-document="receipt"]');
  const [print] = await Promise.all([page.context().waitForEvent("page"), page.click('[data-document="decision"] a')]);
  await print.waitForLoadState();
  const decision = await print.textContent("body");
  holds("the decision names the party and the fine", decision.includes("赵某某") && decision.includes("罚款人民币 150 元"));
  const saved = page.waitForEvent("download").then(() => "pdf");
  const refused = page.waitForSelector("[data-case] .case-part .fault").then(() => "page");
  await page.click('[data-document="decision"] button');
  holds("PDF is given, or the page is named instead", ["pdf", "page"].includes(await Promise.race([saved, refused])));
  saved.catch(() => undefined);
  refused.catch(() => undefined);
  await page.click('[data-appeals] summary');
  await page.fill('form[name="appeal"] [name="authority"]', "云和县人民政府");
  await page.fill('form[name="appeal"] [name="claim"]', "请求撤销：当时正在抢救病人");
  await page.selectOption('form[name="appeal"] [name="kind"]', "litigation");
  await page.click('form[name="appeal"] [type="submit"]');
  await page.waitForSelector('form[name="appeal"] .fault');
  holds("a lawsuit before the review is refused in words", (await page.textContent('form[name="appeal"] .fault')).includes("先申请行政复议"));
  await page.selectOption('form[name="appeal"] [name="kind"]', "review");
  await page.click('form[name="appeal"] [type="submit"]');
  await page.waitForSelector('[data-appeal="filed"]');
  await page.screenshot({ path: join(out, "case-officer.png"), fullPage: true });

  const phone = { viewport: { width: 360, height: 780 }, locale: "en-GB", colorScheme: "dark", isMobile: true, hasTouch: true };
  const desk = await opened(supervisor, phone);
  const decide = async (step, outcome) => {
    await desk.click(`[data-appeal-step="${step}"]`);
    if (outcome !== undefined) await desk.selectOption('form[name="appeal-step"] [name="outcome"]', outcome);
    await desk.fill('form[name="appeal-step"] [name="why"]', "复议机关来文");
    await desk.click('form[name="appeal-step"] [type="submit"]');
  };
  await decide("accept");
  await desk.waitForSelector('[data-appeal="accepted"]');
  await desk.screenshot({ path: join(out, "case-phone.png"), fullPage: true });
  await decide("decide", "revoked");
  await desk.waitForSelector('[data-appeal="decided"]');
  await desk.waitForFunction(() => document.querySelectorAll("[data-step]").length === 0);
  holds("what the review took back goes no further", true);
  const wide = await desk.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  holds("nothing is wider than the phone", !wide);
} finally {
  await browser.close();
}
done();
