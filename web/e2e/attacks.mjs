// Opens what staff see of texts that strangers and officers wrote, and says whether they stayed words.
// node attacks.mjs --base http://127.0.0.1:8080 --officer NAME:WORD --supervisor NAME:WORD [--timeout 30]; exits 0 if all of it held.
import { launch, readArgs } from "./browser.mjs";
import { attempt, done, holds } from "./trial.mjs";
import { signIn } from "./pages.mjs";

const { base, officer, supervisor, timeout = "30" } = readArgs(process.argv.slice(2));
if ([base, officer, supervisor].includes(undefined)) {
  process.stderr.write("usage: attacks.mjs --base URL --officer NAME:WORD --supervisor NAME:WORD\n");
  process.exit(2);
}
const browser = await launch({ gl: false });

async function desk(who, path) {
  const [name, ...word] = who.split(":");
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "zh-CN", reducedMotion: "reduce" });
  await signIn(context, base, name, word.join(":"));
  const page = await context.newPage();
  page.setDefaultTimeout(Number(timeout) * 1000);
  await page.goto(`${base}${path}`);
  return page;
}

/** What was written stands there to be read, and nothing of it ran. */
async function stays(page, where, selector) {
  await page.waitForFunction((at) => document.querySelector(at)?.textContent?.includes("<script>window.stolen=1</script>"), selector);
  // A picture that fails to load tells so a moment later.
  await page.waitForTimeout(500);
  holds(`words stay words: ${where}`, await page.evaluate(() => window.stolen === undefined && document.querySelector("img[src='x']") === null));
}

await attempt("the officer's records", async () => {
  const page = await desk(officer, "/officer");
  await page.click('[data-tab="records"]');
  await page.waitForSelector("[data-record]");
  await stays(page, "the officer's records", "[data-record]");
});

await attempt("a matter", async () => {
  const page = await desk(supervisor, "/matters");
  await page.click("[data-matter]");
  await page.waitForSelector("[data-opened]");
  await stays(page, "a matter at the desk", "[data-opened]");
});

await attempt("a vehicle's history", async () => {
  const page = await desk(officer, "/officer");
  await page.click('[data-tab="plates"]');
  await page.fill('form[name="plate-history"] [name="plate"]', "浙K77777");
  await page.selectOption('form[name="plate-history"] [name="purpose"]', { index: 1 });
  await page.click('form[name="plate-history"] [type="submit"]');
  await page.waitForSelector("[data-history]");
  await stays(page, "a vehicle's history", "[data-history]");
});

await attempt("the printed notice", async () => {
  const page = await desk(officer, "/officer");
  const { records } = await (await page.request.get(`${base}/api/v1/records?limit=1`)).json();
  await page.goto(`${base}/api/v1/records/${records[0].id}/notice`);
  await stays(page, "the printed notice", "body");
});
await browser.close();
done();
