// Works the operators' desk: a city file with faults, the same put right and confirmed by its hash, a count by hand, a sign taken over.
// node operator.mjs --base http://127.0.0.1:8080 --user NAME:WORD --wrong FILE --right FILE --lot ID --occupied N --sign ID --out DIR
// [--timeout 30]; exits 0 if all of it held.
import { join } from "node:path";
import { launch, readArgs } from "./browser.mjs";
import { attempt, done, holds } from "./trial.mjs";

const { base, user, wrong, right, lot, occupied, sign, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, user, wrong, right, lot, occupied, sign, out].includes(undefined)) {
  process.stderr.write("usage: operator.mjs --base URL --user NAME:WORD --wrong FILE --right FILE --lot ID --occupied N --sign ID --out DIR\n");
  process.exit(2);
}
const [name, ...word] = user.split(":");
const browser = await launch({ gl: false });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
await context.request.post(`${base}/api/v1/session`, { data: { name, password: word.join(":") } });
const page = await context.newPage();
page.setDefaultTimeout(Number(timeout) * 1000);
page.on("pageerror", (error) => holds("no script fails", false, String(error)));
await page.goto(`${base}/operator`);

await attempt("a city file", async () => {
  await page.setInputFiles('[name="city-file"]', wrong);
  await page.waitForSelector('[data-report][data-faults]:not([data-faults="0"])');
  const faults = await page.$$eval("[data-fault]", (all) => all.map((one) => [one.dataset.fault, Number(one.dataset.line), one.textContent]));
  holds("each fault names its line and how it is mended", faults.length > 0 && faults.every(([remedy, line, text]) => remedy !== "" && line > 0 && text.includes("→")), faults);
  holds("nothing can be confirmed while one stands", (await page.locator('[data-act="import"]').count()) === 0);
  await page.screenshot({ path: join(out, "city-faults.png"), fullPage: true });
  await page.setInputFiles('[name="city-file"]', right);
  await page.waitForSelector('[data-report][data-faults="0"]');
  const count = (kind, column) => page.textContent(`[data-report] [data-kind="${kind}"] [data-count="${column}"]`);
  holds("what would change is counted", (await count("lot", "added")) === "1" && (await count("lot", "changed")) === "1" && (await count("camera", "removed")) === "1", [await count("lot", "added"), await count("lot", "changed"), await count("camera", "removed")]);
  await page.click('[data-list="changed"] summary');
  holds("and named by its keys", (await page.textContent('[data-list="changed"]')).includes("tariff"));
  holds("a reason is needed", await page.isDisabled('[data-act="import"]'));
  await page.fill('[name="city-reason"]', "新停车场开放");
  await page.screenshot({ path: join(out, "city-report.png"), fullPage: true });
  await page.click('[data-act="import"]');
  await page.waitForSelector('[data-imported="done"]');
  holds("the file is in force", true, await page.textContent("[data-imported]"));
});

await attempt("a count by hand", async () => {
  await page.waitForSelector(`[name="lot"] option[value="${lot}"]`, { state: "attached" });
  await page.selectOption('[name="lot"]', lot);
  await page.fill('[name="lot-reason"]', "夜间清点");
  await page.fill('[name="occupied"]', occupied);
  await page.click('[data-act="correct"]');
  await page.waitForSelector('[data-told="done"]');
  const counted = await (await context.request.get(`${base}/api/v1/lots/${lot}`)).json();
  holds("the count is what was counted", counted.occupied === Number(occupied), counted.occupied);
});

await attempt("a sign taken over", async () => {
  await page.waitForSelector(`[name="sign"] option[value="${sign}"]`, { state: "attached" });
  await page.selectOption('[name="sign"]', sign);
  await page.fill('[name="sign-text"]', "前方施工");
  await page.fill('[name="sign-reason"]', "道路施工");
  await page.click('[data-act="order"]');
  await page.waitForSelector('[data-orders="1"]');
  const orders = (await (await context.request.get(`${base}/api/v1/sign-messages?limit=50`)).json()).orders.filter((order) => order.in_force);
  const minutes = (Date.parse(orders[0].ends_at) - Date.now()) / 60_000;
  holds("it ends by itself in an hour", minutes > 55 && minutes < 65, minutes);
  await page.screenshot({ path: join(out, "operator.png"), fullPage: true });
  await page.click('[data-orders="1"] li button');
  await page.waitForSelector('[data-orders="0"]');
  holds("or when it is ended", true);
});

await browser.close();
done();
