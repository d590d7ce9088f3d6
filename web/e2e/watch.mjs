// Opens the public page and waits until one lot shows a number while the page is live; exits 0 if it came to that, else 1.
// node watch.mjs --url http://127.0.0.1:8080/ --lot L1 --free 34 [--timeout 30]
import { launch, readArgs, tell } from "./browser.mjs";

const { url, lot, free, timeout = "30" } = readArgs(process.argv.slice(2));
if (url === undefined || lot === undefined || free === undefined) {
  process.stderr.write("usage: watch.mjs --url URL --lot ID --free N [--timeout SECONDS]\n");
  process.exit(2);
}

const browser = await launch({ gl: false });
let met = false;
try {
  const page = await browser.newPage({ viewport: { width: 420, height: 800 }, locale: "zh-CN" });
  page.on("pageerror", (error) => tell({ event: "page_error", message: String(error) }));
  page.on("console", (message) => {
    if (message.type() === "error") tell({ event: "console_error", message: message.text() });
  });
  const address = new URL(url);
  address.searchParams.set("lot", lot);
  await page.goto(address.href, { timeout: Number(timeout) * 1000 });
  const deadline = performance.now() + Number(timeout) * 1000;
  let before = "";
  while (!met && performance.now() < deadline) {
    const seen = await page.evaluate((id) => {
      const card = document.querySelector(`[data-lot="${CSS.escape(id)}"]`);
      return {
        connection: document.querySelector("[data-connection]")?.getAttribute("data-connection") ?? null,
        free: card?.getAttribute("data-free") ?? null,
        level: card?.getAttribute("data-level") ?? null,
        shown: card?.querySelector(".lot-free strong")?.textContent ?? null,
      };
    }, lot);
    const now = JSON.stringify(seen);
    if (now !== before) tell({ event: "seen", lot, ...seen });
    before = now;
    met = seen.connection === "live" && seen.free === free && seen.shown === free;
    if (!met) await page.waitForTimeout(50);
  }
  tell({ event: met ? "met" : "timeout", lot, free });
} catch (error) {
  tell({ event: "failed", message: String(error) });
} finally {
  await browser.close();
}
process.exit(met ? 0 : 1);
