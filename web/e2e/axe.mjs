// Runs axe over every page in both languages and both themes; exits 1 on any violation.
// node axe.mjs --base http://127.0.0.1:8080 [--user NAME --password WORD] [--match REGEXP]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, readArgs, tell } from "./browser.mjs";
import { PAGES, richLot, signIn, SIZES } from "./pages.mjs";

const { base, user, password, match = "" } = readArgs(process.argv.slice(2));
if (base === undefined) {
  process.stderr.write("usage: axe.mjs --base URL [--user NAME --password WORD] [--match REGEXP]\n");
  process.exit(2);
}
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const all = PAGES.filter((page) => !page.forPictures).filter((page) => user !== undefined || !page.staff);
const lot = await richLot(base);
let violations = 0;
let looked = 0;

for (const gl of [true, false]) {
  const pages = all.filter((page) => page.gl === gl);
  const browser = await launch({ gl });
  for (const [sizeName, size] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      for (const lang of ["zh", "en"]) {
        const wanted = pages.filter(({ name }) => new RegExp(match).test(`${name}-${sizeName}-${lang}-${colorScheme}`));
        if (wanted.length === 0) continue;
        const context = await browser.newContext({ ...size, colorScheme, reducedMotion: "reduce", bypassCSP: true });
        for (const { name, path, ready, act, staff, role } of wanted) {
          const mine = staff ? await signIn(context, base, user, password) : null;
          if (role !== undefined && role !== mine) continue;
          if (user !== undefined && name.startsWith("officer") && !["officer", "supervisor", "auditor"].includes(mine)) continue;
          if (name === "sign-in") await context.clearCookies();
          const page = await context.newPage();
          const [plain, hash = ""] = path.replace("{lot}", lot).split("#");
          await page.goto(`${base}${plain}?lang=${lang}${hash === "" ? "" : `#${hash}`}`);
          await page.waitForSelector(ready, { timeout: 30_000 });
          await act?.(page);
          // What a sticky bar covers half is measured too small; the bars are let go for the measurement.
          await page.addStyleTag({ content: ".bar, .submit-bar, .toolbar { position: static !important; }" });
          await page.evaluate(axe);
          const found = await page.evaluate((only) => window.axe.run({ runOnly: only }), rules);
          looked += 1;
          for (const { id, help, nodes } of found.violations) {
            violations += 1;
            tell({ page: name, size: sizeName, lang, theme: colorScheme, rule: id, help, at: nodes.slice(0, 3).map((node) => node.target.join(" ")) });
          }
          await page.close();
        }
        await context.close();
      }
    }
  }
  await browser.close();
}
tell({ event: "done", looked, violations });
process.exit(violations === 0 && looked > 0 ? 0 : 1);
