// Keeps the page open over a restart of the server: tells when it is live, when it has lost the server, when it is live again, and
// whether every card then says what the API says. node restart.mjs --url http://127.0.0.1:8080/ [--timeout 60]; exits 0 if so.
import { launch, readArgs, tell } from "./browser.mjs";

const { url, timeout = "60" } = readArgs(process.argv.slice(2));
if (url === undefined) {
  process.stderr.write("usage: restart.mjs --url URL [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = { timeout: Number(timeout) * 1000 };
const browser = await launch({ gl: false });
let same = false;
try {
  const page = await browser.newPage({ viewport: { width: 420, height: 800 }, locale: "zh-CN" });
  page.on("pageerror", (error) => tell({ event: "page_error", message: String(error) }));
  let loads = 0;
  page.on("load", () => (loads += 1));
  await page.goto(url);
  await page.waitForSelector('[data-connection="live"]', patience);
  await page.waitForSelector("[data-lot]", patience);
  tell({ event: "live" });
  await page.waitForSelector('[data-connection="reconnecting"]', patience);
  const stale = await page.locator("[data-lot]").count();
  tell({ event: "lost", cards: stale });
  await page.waitForSelector('[data-connection="live"]', patience);
  tell({ event: "again" });
  const deadline = performance.now() + patience.timeout;
  while (!same && performance.now() < deadline) {
    const told = (await (await fetch(new URL("/api/v1/lots", url))).json()).lots;
    const shown = await page.locator("[data-lot]").evaluateAll((cards) =>
      cards.map((card) => [card.dataset.lot, Number(card.dataset.free), card.dataset.level, card.dataset.quality]),
    );
    const wanted = told.map((lot) => [lot.id, lot.free, lot.level, lot.quality]);
    same = JSON.stringify(shown.sort()) === JSON.stringify(wanted.sort());
    if (!same) await page.waitForTimeout(200);
    else tell({ event: "same", shown, loads });
  }
  same &&= loads === 1;
} catch (error) {
  tell({ event: "failed", message: String(error) });
} finally {
  await browser.close();
}
process.exit(same ? 0 : 1);
