// Uses the public pages as people do, and says what held: filters, marks, language, near me, a destination, day and night,
// keyboard, offline, no socket, the page of a lot, what the first view weighs.
// node public.mjs --url http://127.0.0.1:8080/ --lot L1 --mqtt PORT [--timeout 30]; exits 0 if all of it held. The lot's bay
// S001 must be taken and S006 free; S006 is taken by a message of `mosquitto_pub`.
import { execFileSync } from "node:child_process";
import { get } from "node:http";
import { launch, readArgs } from "./browser.mjs";
import { attempt, done, holds } from "./trial.mjs";

const { url, lot, mqtt, timeout = "30" } = readArgs(process.argv.slice(2));
if (url === undefined || lot === undefined || mqtt === undefined) {
  process.stderr.write("usage: public.mjs --url URL --lot ID --mqtt PORT [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = { timeout: Number(timeout) * 1000 };
const card = `[data-lot="${lot}"]`;
const live = '[data-connection="live"]';

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

await attempt("a destination", async () => {
  const page = await opened(context, "?lang=zh");
  await page.waitForSelector(live, patience);
  // The far end of the town's street; its last lot is the nearest.
  await page.fill('[name="q"]', "dj");
  await page.locator(".meant button").first().click();
  await page.waitForSelector("[data-goal]", patience);
  const order = await page.locator("[data-lot]").evaluateAll((cards) => cards.map((one) => one.dataset.lot));
  holds("by its initials; the lots beside it come first", order[0] === "L3" && order.length > 1, order);
  holds("and tell the walk", (await page.locator('[data-lot="L3"]').textContent()).includes("步行"));
  await page.waitForFunction(() => document.querySelector(".chance") !== null, null, patience);
  holds("and the chance of a space on arrival", true);
  await page.click("[data-goal] button");
  holds("and it is dropped again", (await page.locator("[data-goal]").count()) === 0);
  await page.click('.filters button:has-text("免费停车")');
  const gratis = await page.locator("[data-lot]").evaluateAll((cards) => cards.map((one) => one.dataset.lot));
  holds("only what costs nothing is left", gratis.join() === "L2", gratis);
  await page.click('.filters button:has-text("免费停车")');
  await page.click('.filters button:has-text("非机动车")');
  holds("and nothing where the town has none of a kind", (await page.locator("[data-lot]").count()) === 0);
  await page.close();
});

await attempt("by night", async () => {
  const night = await browser.newContext({ ...options, colorScheme: "dark" });
  const page = await opened(night);
  const [ground, ink] = await page.evaluate(() => {
    const style = getComputedStyle(document.body);
    const light = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
    return [light(style.backgroundColor), light(style.color)];
  });
  holds("the page is dark and its words are light", ground < 120 && ink > 600, { ground, ink });
  await page.emulateMedia({ colorScheme: "light" });
  holds("and light by day", await page.evaluate(() => getComputedStyle(document.body).backgroundColor.startsWith("rgb(2")));
  await night.close();
});

await attempt("the page of a lot", async () => {
  const page = await context.newPage();
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  await page.goto(new URL(`/lots/${lot}`, url).href);
  await page.waitForSelector(`${card}[data-free="5"]`, patience);
  await page.waitForSelector(live, patience);
  const colour = (bay) => page.locator(`[data-bay="${bay}"] polygon`).evaluate((shape) => getComputedStyle(shape).fill);
  const red = await colour("S001");
  holds("each bay is drawn, a taken one in another colour than a free one", (await page.locator("[data-bay]").count()) === 10 && red !== (await colour("S006")));
  const payload = JSON.stringify({ state: "occupied", at: new Date().toISOString(), seq: 2 });
  execFileSync("mosquitto_pub", ["-h", "127.0.0.1", "-p", mqtt, "-q", "1", "-t", `yunpark/v1/space/${lot}/S006/state`, "-m", payload]);
  await page.waitForSelector('[data-bay="S006"][data-state="occupied"]', patience);
  holds("a message of its sensor turns a bay red on the open page", (await colour("S006")) === red);
  await page.waitForSelector(`${card}[data-free="4"]`, patience);
  holds("and takes one from the number", true);
  await page.click(".entrances button >> nth=1");
  const amap = await page.locator('dialog a[href*="uri.amap.com"]').getAttribute("href");
  await page.selectOption('dialog [name="entrance"]', "0");
  const other = await page.locator('dialog a[href*="uri.amap.com"]').getAttribute("href");
  holds("each entrance has its own way there", amap !== other, { amap, other });
  await page.keyboard.press("Escape");
  await page.goto(new URL(`/lots/${lot}/poster`, url).href);
  const said = await page.locator("svg[role=img]").getAttribute("aria-label");
  holds("the poster's code leads to the page", said === new URL(`/lots/${lot}`, url).href, said);
  await page.goto(new URL("/lots/NOWHERE", url).href);
  await page.waitForFunction(() => document.body.textContent.includes("NOWHERE"), null, patience);
  holds("a lot that is not there is told so", true);
  await page.close();
});

/** What a file weighs on the wire, gzipped, bytes; and whether it is the map's library. */
function weigh(address) {
  return new Promise((resolve, reject) => {
    get(address, { headers: { "Accept-Encoding": "gzip" } }, (answer) => {
      let bytes = 0;
      answer.on("data", (part) => (bytes += part.length));
      answer.on("end", () => resolve({ bytes, packed: answer.headers["content-encoding"], kept: answer.headers["cache-control"] }));
    }).on("error", reject);
  });
}

await attempt("what the first view weighs", async () => {
  const fresh = await browser.newContext({ ...options, serviceWorkers: "block" });
  const page = await fresh.newPage();
  const loaded = new Set();
  const library = new Set();
  page.on("response", async (answer) => {
    const address = answer.url();
    if (!address.startsWith("http") || address.includes("/api/")) return;
    loaded.add(address);
    const text = await answer.text().catch(() => "");
    if (text.includes("maplibregl-canvas")) library.add(address);
  });
  await page.goto(url);
  await page.waitForSelector(live, patience);
  await page.waitForFunction(() => ["shown", "failed"].includes(document.querySelector("[data-map]")?.dataset.map), null, patience);
  // Its worker holds none of its class names.
  for (const address of loaded) if (address.includes("maplibre")) library.add(address);
  const files = await Promise.all([...loaded].filter((address) => !library.has(address)).map(async (address) => ({ address, ...(await weigh(address)) })));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  holds("less than 300 kB without the map's library, and few files", bytes < 300_000 && files.length < 30, { bytes, files: files.length });
  holds("the map's library comes after, by itself", library.size > 0, [...library].map((address) => new URL(address).pathname));
  const scripts = files.filter(({ address }) => address.includes("/assets/") && /\.(js|css)$/.test(address));
  holds("its scripts are packed and kept for good", scripts.length > 3 && scripts.every(({ kept, packed, bytes: size }) => kept.includes("immutable") && (packed === "gzip" || size < 1100)));
  await fresh.close();
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
  await page.waitForSelector('dialog[open] a[href*="uri.amap.com"]', patience);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { ...patience, state: "detached" });
  holds("and opens and closes it, with a link to follow", (await page.locator("dialog[open]").count()) === 0);
  await page.close();
});

await attempt("a reload without network", async () => {
  const page = await opened(context);
  await page.waitForSelector(live, patience);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.goto(new URL(`/lots/${lot}`, url).href);
  await page.waitForSelector(live, patience);
  // Once more, so that the worker has seen each file.
  await page.reload();
  await page.waitForSelector(live, patience);
  await page.goBack();
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
  await page.goto(new URL(`/lots/${lot}`, url).href);
  await page.waitForSelector(`[data-lot="${lot}"]`, patience);
  const own = await page.locator(`[data-lot="${lot}"]`).evaluate((shown) => ({ free: shown.dataset.free, quality: shown.dataset.quality }));
  holds("so they do on the lot's own page", own.free === free && own.quality !== "live", own);
  await page.goBack();
  await page.waitForSelector(card, patience);
  await context.setOffline(false);
  await page.waitForSelector(live, patience);
  holds("and live ones when the network is back", (await page.getAttribute(card, "data-quality")) === "live");
  await page.close();
});

await attempt("a socket of the browser's own", async () => {
  const page = await opened(context);
  const heard = await page.evaluate(async () => {
    const lots = (await (await fetch("/api/v1/lots")).json()).lots.map((lot) => lot.id);
    const address = new URL("/api/v1/live", location.href);
    address.protocol = "ws:";
    const socket = new WebSocket(address);
    const next = () => new Promise((resolve, reject) => {
      socket.onmessage = (event) => resolve(JSON.parse(event.data));
      socket.onclose = (event) => reject(new Error(`closed, ${event.code}`));
    });
    const until = async (wanted) => {
      for (;;) {
        const message = await next();
        if (wanted(message)) return message;
      }
    };
    const { lots: told } = await until((message) => message.type === "snapshot");
    // Long enough that the browser deflates it as well.
    socket.send(JSON.stringify({ type: "watch", lots: [lots[0]] }).padEnd(4000));
    const { lot } = await until((message) => message.type === "spaces");
    const closed = new Promise((resolve) => (socket.onclose = (event) => resolve({ code: event.code, clean: event.wasClean })));
    socket.close(1000);
    return { extensions: socket.extensions, told: told.length, lots: lots.length, asked: lots[0], lot, ...(await closed) };
  });
  holds("is told deflated messages", heard.extensions.startsWith("permessage-deflate") && heard.told === heard.lots, heard);
  holds("is understood when it deflates its own", heard.lot === heard.asked, heard);
  holds("and parts in peace", heard.code === 1000 && heard.clean, heard);
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
done();
