// Works the administrators' page as a person does, and says what held: faults beside their fields, double taps, the last administrator,
// what is set, brought back and given back, a template that lacks what the law wants, and the history of each.
// node admin.mjs --base http://127.0.0.1:8080 --admin NAME:WORD --out DIR [--timeout 30]; exits 0 if all of it held.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, readArgs } from "./browser.mjs";
import { attempt, done, holds } from "./trial.mjs";

const { base, admin, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, admin, out].includes(undefined)) {
  process.stderr.write("usage: admin.mjs --base URL --admin NAME:WORD --out DIR\n");
  process.exit(2);
}
const [name, ...word] = admin.split(":");
const browser = await launch({ gl: false });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
const signedIn = await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
holds("the administrator signs in", signedIn.ok());
const page = await context.newPage();
page.setDefaultTimeout(Number(timeout) * 1000);
page.on("pageerror", (error) => holds("no script fails", false, String(error)));
await page.goto(`${base}/admin`);

const form = (which) => `form[name="${which}"]`;
const told = (which, what) => page.waitForSelector(`${which} [data-told="${what}"]`);
const show = async (tab, ready) => {
  await page.click(`[data-tab="${tab}"]`);
  await page.waitForSelector(ready);
};

await attempt("users", async () => {
  await page.waitForSelector('[data-users]:not([data-users=""])');
  const before = Number(await page.getAttribute("[data-users]", "data-users"));
  const add = form("add-user");
  await page.fill(`${add} [name="name"]`, "zhao min");
  await page.fill(`${add} [name="password"]`, "short");
  await page.click(`${add} [type="submit"]`);
  await told(add, "fault");
  holds("a wrong field says beside it how to mend it", (await page.locator(`${add} [data-wrong]`).count()) === 1, await page.textContent(`${add} [data-wrong]`));
  await page.fill(`${add} [name="name"]`, "zhao");
  await page.fill(`${add} [name="unit"]`, "城南中队");
  await page.fill(`${add} [name="password"]`, "correct horse");
  await page.fill(`${add} [name="reason"]`, "新入职");
  // Two taps before the first answer.
  await page.evaluate((which) => {
    const button = document.querySelector(`${which} [type="submit"]`);
    button.click();
    button.click();
  }, add);
  await page.waitForSelector('[data-user="zhao"]');
  holds("two taps add one account", Number(await page.getAttribute("[data-users]", "data-users")) === before + 1);
  await page.click('[data-user="zhao"] .row-head button');
  const change = '[data-user="zhao"] form';
  await page.selectOption(`${change} [name="role"]`, "supervisor");
  await page.click(`${change} [type="submit"]`);
  await told(change, "fault");
  holds("nothing changes without a reason", (await page.locator(`${change} [data-wrong="reason"]`).count()) === 1);
  await page.fill(`${change} [name="reason"]`, "升任");
  await page.click(`${change} [type="submit"]`);
  await told(change, "done");
  await page.waitForSelector('[data-user="zhao"] [data-change="staff.changed"]');
  const history = await page.textContent('[data-user="zhao"] .history');
  holds("the history has before, after and why", history.includes("执法员") && history.includes("督导员") && history.includes("升任"), history);
  await page.screenshot({ path: join(out, "users.png"), fullPage: true });
  await page.click(`[data-user="${name}"] .row-head button`);
  const own = `[data-user="${name}"] form`;
  await page.check(`${own} [name="disabled"]`);
  await page.fill(`${own} [name="reason"]`, "试试");
  await page.click(`${own} [type="submit"]`);
  await told(own, "fault");
  holds("the last administrator stays", (await page.textContent(`${own} [data-told]`)).includes("最后一名管理员"));
});

await attempt("permits", async () => {
  await show("permits", form("grant-permit"));
  const grant = form("grant-permit");
  await page.fill(`${grant} [name="plate"]`, "浙K-1");
  await page.fill(`${grant} [name="reason"]`, "抢修");
  await page.click(`${grant} [type="submit"]`);
  await told(grant, "fault");
  holds("a plate that is none is told beside its field", (await page.locator(`${grant} [data-wrong="plate"]`).count()) === 1);
  await page.click(`${grant} [data-kind="white_list"]`);
  await page.fill(`${grant} [name="plate"]`, "浙K12345");
  await page.evaluate((which) => {
    const button = document.querySelector(`${which} [type="submit"]`);
    button.click();
    button.click();
  }, grant);
  await page.waitForSelector('[data-kind="white_list"] [data-permit="浙K12345"]');
  holds("two taps grant one", (await page.locator('[data-permit="浙K12345"]').count()) === 1);
  await page.screenshot({ path: join(out, "permits.png"), fullPage: true });
  await page.click('[data-permit="浙K12345"] .row-head button');
  await page.waitForSelector('[data-permit="浙K12345"] [data-change="permit.granted"]');
  await page.fill('[data-permit="浙K12345"] [name="reason"]', "任务结束");
  await page.click('[data-act="end-permit"]');
  await page.waitForSelector('section [data-permit="浙K12345"]', { state: "detached" });
  await page.waitForSelector('details [data-permit="浙K12345"]', { state: "attached" });
  holds("a permit that was ended is among those that are over", true);
});

await attempt("policies", async () => {
  await show("policies", '[data-setting="first_offence"]');
  const first = '[data-setting="first_offence"]';
  await page.selectOption(`${first} [name="policy"]`, "warn");
  await page.fill(`${first} [name="within_days"]`, "很久");
  await page.fill(`${first} [name="reason"]`, "专项整治");
  await page.click(`${first} [data-act="save"]`);
  await told(first, "fault");
  holds("what is no number is told beside its field", (await page.textContent(`${first} [data-wrong="within_days"]`)).includes("整数"));
  await page.fill(`${first} [name="within_days"]`, "180");
  await page.click(`${first} [data-act="save"]`);
  await page.waitForSelector(`${first} [data-version="1"]`);
  await page.selectOption(`${first} [name="policy"]`, "off");
  await page.fill(`${first} [name="reason"]`, "整治结束");
  await page.click(`${first} [data-act="save"]`);
  await page.waitForSelector(`${first} [data-version="2"]`);
  await page.click(`${first} .versions summary`);
  await page.waitForSelector(`${first} [data-restore="1"]`);
  await page.screenshot({ path: join(out, "policies.png"), fullPage: true });
  await page.fill(`${first} [name="reason"]`, "再次整治");
  await page.click(`${first} [data-restore="1"]`);
  await page.waitForSelector(`${first} [data-version="3"]`);
  holds("an earlier version is brought back", (await page.inputValue(`${first} [name="policy"]`)) === "warn" && (await page.inputValue(`${first} [name="within_days"]`)) === "180");
  const dwell = '[data-setting="dwell"]';
  await page.fill(`${dwell} [name="class_1_grace_s"]`, "45");
  await page.fill(`${dwell} [name="class_2_dwell_s"]`, "600");
  await page.fill(`${dwell} [name="reason"]`, "雨天");
  await page.click(`${dwell} [data-act="save"]`);
  await page.waitForSelector(`${dwell} [data-version="1"]`);
  // Somebody else changes it meanwhile.
  const other = await context.request.post(`${base}/api/v1/admin/settings/dwell`, {
    data: { configured: true, based_on: 1, reason: "别人" },
    headers: { "X-Yunpark": "1", "Idempotency-Key": "somebody-else" },
  });
  holds("somebody else may change it too", other.ok());
  await page.fill(`${dwell} [name="class_1_grace_s"]`, "60");
  await page.fill(`${dwell} [name="reason"]`, "雨更大");
  await page.click(`${dwell} [data-act="save"]`);
  await told(dwell, "fault");
  holds("who looked at an older version is told so, and keeps what was typed", (await page.inputValue(`${dwell} [name="class_1_grace_s"]`)) === "60");
});

await attempt("holidays", async () => {
  await show("calendar", '[data-days="holidays"]');
  const before = Number(await page.getAttribute('[data-days="holidays"]', "data-count"));
  await page.fill('[name="holidays-first"]', "2027-02-05");
  await page.fill('[name="holidays-last"]', "2027-02-12");
  await page.click('[data-act="add-holidays"]');
  holds("a stretch of days is added", Number(await page.getAttribute('[data-days="holidays"]', "data-count")) === before + 8);
  await page.fill('[name="workdays-first"]', "2027-02-10");
  await page.click('[data-act="add-workdays"]');
  await page.fill('[data-setting="calendar"] [name="reason"]', "国办通知");
  await page.click('[data-setting="calendar"] [data-act="save"]');
  await page.waitForSelector('[data-setting="calendar"] [data-wrong="workdays"]');
  holds("a day that is both is named", true, await page.textContent('[data-wrong="workdays"]'));
  await page.click('[data-days="workdays"] .drop >> nth=0');
  await page.waitForTimeout(50);
  await page.screenshot({ path: join(out, "calendar.png"), fullPage: true });
  await page.click('[data-setting="calendar"] [data-act="save"]');
  await page.waitForSelector('[data-setting="calendar"] [data-version="1"]');
  holds("the year's holidays are in force", Number(await page.getAttribute('[data-days="holidays"]', "data-count")) === before + 8);
});

await attempt("retention", async () => {
  await show("retention", '[data-setting="retention"]');
  await page.fill('[name="left_in_time_days"]', "3");
  await page.fill('[data-setting="retention"] [name="reason"]', "最短够用");
  await page.click('[data-setting="retention"] [data-act="save"]');
  await page.waitForSelector('[data-setting="retention"] [data-version="1"]');
  holds("how long pictures are kept is set", (await page.inputValue('[name="left_in_time_days"]')) === "3");
});

await attempt("documents", async () => {
  await show("documents", '[data-form="warning"]');
  const row = '[data-form="warning"]';
  const built = await page.getAttribute(row, "data-sha256");
  await page.click(`${row} .row-head button`);
  await page.waitForSelector(`${row} [name="html"]`);
  const html = await page.inputValue(`${row} [name="html"]`);
  const file = join(out, "warning.html");
  writeFileSync(file, html.replace("{{court}}", "法院").replace("</h1>", "</h1><p>云和县样式</p>"));
  await page.setInputFiles(`${row} [name="template-file"]`, file);
  await page.waitForSelector(`${row} [data-has="false"]`);
  await page.fill(`${row} [name="reason"]`, "县样式");
  await page.click(`${row} [data-act="save"]`);
  await page.waitForSelector(`${row} [data-wrong="html"]`);
  holds("a template that lacks what the law wants is refused by name", (await page.textContent(`${row} [data-wrong="html"]`)).includes("{{court}}"));
  await page.screenshot({ path: join(out, "documents.png"), fullPage: true });
  writeFileSync(file, html.replace("</h1>", "</h1><p>云和县样式</p>"));
  await page.setInputFiles(`${row} [name="template-file"]`, file);
  await page.waitForFunction((which) => document.querySelector(`${which} [data-has="false"]`) === null, row);
  await page.click(`${row} [data-act="save"]`);
  await page.waitForSelector(`${row}[data-whence="set"]`);
  holds("the one in force has another hash", (await page.getAttribute(row, "data-sha256")) !== built);
  await page.fill(`${row} [name="reason"]`, "恢复");
  await page.click(`${row} [data-act="configured"]`);
  await page.waitForSelector(`${row}[data-whence="built_in"][data-sha256="${built}"]`);
  holds("the built-in one is back, by its hash", true);
  await page.click(`${row} .versions summary`);
  await page.waitForSelector(`${row} [data-restore="1"]`);
  await page.fill(`${row} [name="reason"]`, "还是用县样式");
  await page.click(`${row} [data-restore="1"]`);
  await page.waitForSelector(`${row}[data-whence="set"]`);
  holds("and the earlier one again", true);
});

await attempt("history", async () => {
  await show("history", "[data-changes]");
  const settings = Number(await page.getAttribute("[data-changes]", "data-changes"));
  holds("every change stands there", settings >= 9, settings);
  await page.click('[data-about="staff"]');
  await page.waitForSelector('[data-change="staff.added"]');
  await page.screenshot({ path: join(out, "history.png"), fullPage: true });
});

await browser.close();
done();
