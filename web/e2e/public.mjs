// Uses the public page as people do, and says what held: filters, marks, language, near me, keyboard, offline, no socket.
// node public.mjs --url http://127.0.0.1:8080/ --lot L1 [--timeout 30]; exits 0 if all of it held.
import { launch, readArgs, tell } from "./browser.mjs";

const { url, lot, timeout = "30" } = readArgs(process.argv.slice(2));
if (url === undefined || lot === undefined) {
  process.stderr.write("usage: public.mjs --url URL --lot ID [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = { timeout: Number(timeout) * 1000 };
const card = `[data-lot="${lot}"]`;
const live = '[data-connection="live"]';
let faults = 0;

function holds(what, held, detail = undefined) {
  faults += Number(!held);
  tell({ event: held ? "held" : "broken", what, ...(detail === undefined ? {} : { detail }) });
}

async function attempt(what, act) {
  try {
    await act();
  } catch (error) {
    holds(what, false, String(error));
  }
}

const browser = await launch({ gl: false });
const options = { viewport: { width: 390, height: 844 }, locale: "zh-CN", reducedMotion: "reduce" };
const context = await browser.newContext({ ...options, geolocation: { longitude: 119.57, latitude: 28.11 }, permissions: ["geolocation"] });

async function opened(inContext, query = "") {
  const page = await inContext.newPage();
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  await page.goto(url + query);
  await page.waitForSelector(card, patience);
  return page;
}

await attempt("filters, marks and letters", async () => {
  const page = await opened(context);
  await page.waitForSelector(live, patience);
  const all = await page.locator("[data-lot]").count();
  await page.locator(`${card} .mark`).first().click();
  await page.click('.filters button:has-text("收藏")');
  holds("only what is marked is left", (await page.locator("[data-lot]").count()) === 1 && all > 1, all);
  await page.reload();
  await page.waitForSelector(card, patience);
  holds("the mark is kept", (await page.locator(`${card} .mark[aria-pressed="true"]`).count()) === 1);
  await page.fill('[name="q"]', "tcc1");
  holds("initials find a lot", (await page.locator("[data-lot]").count()) === 1 && (await page.locator(card).count()) === 1);
  await page.fill('[name="q"]', "");
  await page.click(".near");
  await page.waitForSelector('.near[aria-pressed="true"]', patience);
  const first = await page.locator("[data-lot]").first().getAttribute("data-lot");
  holds("near me stands first", first === lot, first);
  await page.click(".lang");
  holds("the other language", (await page.getAttribute("html", "lang")) === "en" && (await page.locator('text="Navigate"').count()) > 0);
  await page.close();
});

await attempt("keyboard alone", async () => {
  const page = await opened(context);
  let reached = false;
  for (let presses = 0; presses < 80 && !reached; presses += 1) {
    await page.keyboard.press("Tab");
    reached = await page.evaluate((selector) => document.activeElement?.matches(`${selector} .go`) ?? false, card);
  }
  holds("the keyboard reaches navigation", reached);
  await page.keyboard.press("Enter");
  const amap = await page.locator('dialog a[href*="uri.amap.com"]').count();
  await page.keyboard.press("Escape");
  holds("and opens and closes it", amap === 1 && (await page.locator("dialog[open]").count()) === 0);
  await page.close();
});

await attempt("a reload without network", async () => {
  const page = await opened(context);
  await page.waitForSelector(live, patience);
  await page.evaluate(() => navigator.serviceWorker.ready);
  // Once more, so that the worker has seen each file.
  await page.reload();
  await page.waitForSelector(live, patience);
  const free = await page.getAttribute(card, "data-free");
  await context.setOffline(true);
  await page.reload();
  await page.waitForSelector(card, patience);
  const kept = await page.evaluate((selector) => {
    const shown = document.querySelector(selector);
    return { free: shown?.getAttribute("data-free"), quality: shown?.getAttribute("data-quality"), pill: document.querySelector("[data-connection]")?.getAttribute("data-connection") };
  }, card);
  holds("the last numbers stand, as old ones", kept.free === free && kept.quality !== "live" && kept.pill !== "live", kept);
  await context.setOffline(false);
  await page.waitForSelector(live, patience);
  holds("and live ones when the network is back", (await page.getAttribute(card, "data-quality")) === "live");
  await page.close();
});

await attempt("where no socket gets through", async () => {
  const bare = await browser.newContext(options);
  // A proxy that lets no upgrade pass: the socket closes without a word.
  await bare.addInitScript(() => {
    window.WebSocket = class {
      static OPEN = 1;
      readyState = 3;
      constructor() {
        setTimeout(() => this.onclose?.(), 10);
      }
      close() {}
      send() {}
    };
  });
  const page = await opened(bare);
  await page.waitForSelector(live, patience);
  holds("events carry the page", true);
  await bare.close();
});

await attempt("without scripts", async () => {
  const plain = await browser.newContext({ ...options, javaScriptEnabled: false });
  const page = await plain.newPage();
  await page.goto(new URL("/lite", url).href);
  holds("the plain list names the lots", (await page.locator("tbody tr").count()) > 1 && (await page.content()).includes("停车场1"));
  await plain.close();
});

await browser.close();
tell({ event: "done", faults });
process.exit(faults === 0 ? 0 : 1);
