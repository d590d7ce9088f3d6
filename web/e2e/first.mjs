// How soon the list can be used on a cheap phone that opens the page for the first time: the processor slowed down, a slow network,
// nothing kept. node first.mjs --url http://127.0.0.1:8080/ [--times 5 --slow 4 --rtt 150 --down 1638.4 --up 750]
// The defaults are "slow 4G" as Lighthouse has it: 150 ms to the server and back, 1,638.4 and 750 kbit/s.
import { launch, readArgs, tell } from "./browser.mjs";

const { url, times = "5", slow = "4", rtt = "150", down = "1638.4", up = "750" } = readArgs(process.argv.slice(2));
if (url === undefined) {
  process.stderr.write("usage: first.mjs --url URL [--times N] [--slow N] [--rtt MS] [--down KBIT/S] [--up KBIT/S]\n");
  process.exit(2);
}
const bytesPerSecond = (kbit) => (Number(kbit) * 1000) / 8;

/** Milliseconds from the first request until a lot with its number stands there, and until it is live. */
async function first(browser) {
  const context = await browser.newContext({ viewport: { width: 360, height: 780 }, isMobile: true, hasTouch: true, locale: "zh-CN" });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: Number(rtt),
    downloadThroughput: bytesPerSecond(down),
    uploadThroughput: bytesPerSecond(up),
  });
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: Number(slow) });
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  // Told from inside the page, so that looking costs it nothing.
  await page.addInitScript(() => {
    globalThis.stood = { list: null, live: null };
    const look = () => {
      const now = performance.now();
      if (document.querySelector("[data-lot] .lot-free strong") !== null) stood.list ??= now;
      if (document.querySelector('[data-connection="live"]') !== null) stood.live ??= now;
      if (stood.list === null || stood.live === null) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction(() => stood.list !== null && stood.live !== null, undefined, { timeout: 60_000, polling: 50 });
  const { list, live } = await page.evaluate(() => stood);
  const bytesByThen = bytes;
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null);
  await context.close();
  return { paint, list, live, bytes: bytesByThen };
}

const middle = (of) => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)];
const browser = await launch({ gl: true });
const seen = [];
for (let n = 0; n < Number(times); n += 1) seen.push(await first(browser));
await browser.close();
const told = Object.fromEntries(["paint", "list", "live", "bytes"].map((key) => [key, Math.round(middle(seen.map((one) => one[key])))]));
tell({ event: "first view, medians", ...told, worst_list: Math.round(Math.max(...seen.map((one) => one.list))), times: seen.length });
