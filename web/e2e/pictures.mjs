// Takes a picture of every page in two languages, two sizes, by day and by night.
// node pictures.mjs --base http://127.0.0.1:8080 --out DIR [--user NAME --password WORD] [--only public,signs] [--match REGEXP]
//   [--timeout S] [--staff-only]; --staff-only leaves out what anyone may see.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, readArgs, tell } from "./browser.mjs";
import { PAGES, richLot, signIn, SIZES } from "./pages.mjs";

const { base, out, user, password, only, match = "", timeout = "60", "staff-only": staffOnly } = readArgs(process.argv.slice(2));
if (base === undefined || out === undefined) {
  process.stderr.write("usage: pictures.mjs --base URL --out DIR [--user NAME --password WORD] [--only NAMES] [--match REGEXP] [--timeout S]\n");
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const wanted = only?.split(",");
const pages = PAGES.filter((page) => staffOnly === undefined || page.role !== undefined).filter((page) => (user !== undefined || !page.staff) && (wanted === undefined || wanted.includes(page.name)));
const lot = await richLot(base);
let faults = 0;

for (const gl of [true, false]) {
  const pagesNow = pages.filter((page) => page.gl === gl);
  if (pagesNow.length === 0) continue;
  const browser = await launch({ gl });
  for (const [sizeName, size] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ ...size, colorScheme, locale: "zh-CN", reducedMotion: "reduce" });
      const mine = user === undefined ? null : await signIn(context, base, user, password);
      for (const lang of ["zh", "en"]) {
        for (const { name, path: route, ready, act, staff, role, whole } of pagesNow) {
          const path = route.replace("{lot}", lot);
          const file = join(out, `${name}-${sizeName}-${lang}-${colorScheme}.png`);
          if (!new RegExp(match).test(file) || (role !== undefined && role !== mine) || (staff && role === undefined && !["officer", "supervisor"].includes(mine))) continue;
          const page = await context.newPage();
          page.on("pageerror", (error) => tell({ event: "page_error", page: name, message: String(error) }));
          try {
            if (name === "sign-in") await context.clearCookies();
            const [plain, hash = ""] = path.split("#");
            await page.goto(`${base}${plain}${plain.includes("?") ? "&" : "?"}lang=${lang}${hash === "" ? "" : `#${hash}`}`);
            await page.waitForSelector(ready, { timeout: Number(timeout) * 1000 });
            await act?.(page);
            await page.waitForFunction(() => [...document.images].every((image) => image.complete)).catch(() => undefined);
            await page.waitForTimeout(gl ? 1200 : 300);
            // A phone's window grows with what overflows; the screen does not.
            const wide = await page.evaluate((screen) => document.documentElement.scrollWidth > screen, size.viewport.width);
            await page.screenshot({ path: file, fullPage: staff === true || whole === true });
            tell({ event: "shot", file, overflows: wide });
            faults += Number(wide);
          } catch (error) {
            faults += 1;
            tell({ event: "failed", file, message: String(error) });
          }
          await page.close();
          if (name === "sign-in" && user !== undefined) await signIn(context, base, user, password);
        }
      }
      await context.close();
    }
  }
  await browser.close();
}
process.exit(faults === 0 ? 0 : 1);
