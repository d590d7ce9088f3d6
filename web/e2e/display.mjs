// Opens the screen of a sign and tells, line by line, what each change of it shows; ends when `until` is shown or time is up.
// node display.mjs --url http://127.0.0.1:8080/api/v1/signs/G1/page [--out FILE.png] [--timeout 30]
import { launch, readArgs, tell } from "./browser.mjs";

const { url, out, timeout = "30" } = readArgs(process.argv.slice(2));
if (url === undefined) {
  process.stderr.write("usage: display.mjs --url URL [--out FILE.png] [--timeout SECONDS]\n");
  process.exit(2);
}

const browser = await launch({ gl: false });
try {
  const page = await browser.newPage({ viewport: { width: 960, height: 300 } });
  page.on("pageerror", (error) => tell({ event: "page_error", message: String(error) }));
  await page.goto(url, { timeout: Number(timeout) * 1000 });
  const deadline = performance.now() + Number(timeout) * 1000;
  let before = "";
  let wasLit = false;
  while (performance.now() < deadline) {
    const panels = await page.evaluate(() =>
      [...document.querySelectorAll("canvas")].map((canvas) => {
        const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let lit = 0;
        for (let i = 0; i < dots.length; i += 4) lit += dots[i] + dots[i + 1] + dots[i + 2] > 0 ? 1 : 0;
        return { panel: canvas.dataset.panel, shows: canvas.dataset.shows ?? "", lit };
      }),
    );
    const now = JSON.stringify(panels);
    if (now !== before && panels.length > 0) tell({ event: "seen", panels });
    before = now;
    const isLit = panels.some((panel) => panel.lit > 0 && panel.shows !== "fallback");
    if (isLit && !wasLit && out !== undefined) await page.screenshot({ path: out });
    wasLit ||= isLit;
    if (wasLit && panels.every((panel) => panel.shows === "fallback")) break;
    await page.waitForTimeout(50);
  }
} finally {
  await browser.close();
}
