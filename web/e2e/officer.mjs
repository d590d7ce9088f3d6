// Works a shift on the officers' page as an officer does, on a phone, most of it with no network, and says what held.
// node officer.mjs --url http://127.0.0.1:8080/officer --user NAME --password WORD --second NAME --photos DIR --out DIR
// [--timeout 30]; DIR holds a.jpg, b.jpg and c.jpg. Exits 0 if all of it held; tells each act as a line with `made`.
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchKept, readArgs, tell } from "./browser.mjs";
import { done, holds } from "./trial.mjs";

const { url, user, password, second, photos, out, timeout = "30" } = readArgs(process.argv.slice(2));
if ([url, user, password, second, photos, out].includes(undefined)) {
  process.stderr.write("usage: officer.mjs --url URL --user NAME --password WORD --second NAME --photos DIR --out DIR [--timeout SECONDS]\n");
  process.exit(2);
}
const patience = { timeout: Number(timeout) * 1000 };
let taps = 0;

async function attempt(what, act) {
  try {
    await act();
  } catch (error) {
    holds(what, false, String(error));
    const standing = await page
      .evaluate(() => ({
        ...document.querySelector("[data-queue]")?.dataset,
        url: location.href,
        dialogs: [...document.querySelectorAll("dialog")].map((dialog) => `${dialog.className} ${dialog.open}`),
        outcome: document.querySelector("[data-outcome]")?.dataset.outcome,
        shown: document.querySelector("main")?.innerText.slice(0, 600),
      }))
      .catch((reason) => ({ reason: String(reason) }));
    tell({ event: "standing", ...standing });
  }
}

const phone = {
  viewport: { width: 360, height: 780 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN",
  reducedMotion: "reduce",
  geolocation: { longitude: 119.5705, latitude: 28.10825, accuracy: 6 },
  permissions: ["geolocation"],
};
const profile = mkdtempSync(join(tmpdir(), "yunpark-phone-"));
let { context, pids } = await launchKept(profile, phone);

let page;

/** The officers' page as it opens, with what it kept. */
async function opened() {
  page = context.pages()[0] ?? (await context.newPage());
  page.on("pageerror", (error) => holds("no script fails", false, String(error)));
  page.setDefaultTimeout(patience.timeout);
  await page.goto(`${url}#street`);
  return page;
}

async function tap(selector) {
  taps += 1;
  await page.tap(selector);
}

/** The camera: one tap opens it, and it gives back a picture. */
async function photograph(name, file) {
  taps += 1;
  await page.setInputFiles(`input[name="${name}"]`, join(photos, file));
}

/** Types what a plate still lacks; its beginning may be there already, as the last one had it. */
async function typePlate(plate) {
  const begun = await page.textContent(".cells");
  for (const key of plate.startsWith(begun) ? plate.slice(begun.length) : plate) await page.tap(`.keys button:text-is("${key}")`);
}

/** How many wait, how many were refused, how many corrections were counted. */
async function standing() {
  return page.evaluate(() => {
    const state = document.querySelector("[data-queue]");
    const number = (value) => (value === undefined || value === null ? null : Number(value));
    return {
      waiting: number(state?.getAttribute("data-queue")),
      refused: number(state?.getAttribute("data-refused")),
      corrections: number(document.querySelector("[data-corrections]")?.textContent),
    };
  });
}

const waits = (n) => page.waitForSelector(`[data-queue="${n}"]`);

/** The items of a list, first first, as the page tells them. */
async function listed(state) {
  return page.$$eval(`[data-item][data-state="${state}"]`, (all) =>
    all.map((one) => ({ slip: one.getAttribute("data-item"), kind: one.getAttribute("data-kind") })),
  );
}

async function signIn() {
  await page.fill('[name="name"]', user);
  await page.fill('[name="password"]', password);
}

async function signInAgain() {
  await page.fill('.sign-in-again [name="password"]', password);
  await page.click('.sign-in-again [type="submit"]');
  await page.waitForSelector(".sign-in-again", { state: "detached" });
}

async function correctOnce(times) {
  const before = (await standing()).corrections;
  if (times === 2) await page.dblclick("[data-correct]");
  else await tap("[data-correct]");
  await page.waitForFunction((n) => Number(document.querySelector("[data-corrections]")?.textContent) === n, before + 1);
  // A tap this soon after another is the same tap.
  await page.waitForTimeout(750);
}

async function closeSlip() {
  await page.click(".slip-dialog .button:not(.plain)");
  await page.waitForSelector(".slip-dialog", { state: "detached" });
}

await attempt("sign in, and one correction", async () => {
  await opened();
  await page.waitForSelector('form[name="sign-in"]');
  await signIn();
  await tap('form[name="sign-in"] [type="submit"]');
  await page.waitForSelector('[data-field="ready"]');
  await page.waitForFunction(() => caches.match("/officer").then((kept) => kept !== undefined));
  await page.waitForFunction(() => document.querySelector("[data-standing]")?.textContent.includes("凤鸣街人行道"));
  holds("the place is found by the phone", (await page.textContent("[data-standing]")).includes("一号单元"));
  await context.setOffline(true);
  await tap("[data-correct]");
  await waits(1);
  holds("from sign-in to a kept correction in at most three taps", taps <= 3, taps);
  await page.waitForTimeout(750);
});

await attempt("ten corrections with no network", async () => {
  await correctOnce(2);
  holds("a double tap counts once", (await standing()).corrections === 2);
  for (let n = 3; n <= 9; n += 1) await correctOnce(1);
  await page.tap("[data-undo]");
  await waits(8);
  holds("the last is taken back", (await standing()).corrections === 8);
  await correctOnce(1);
  await photograph("correction", "a.jpg");
  await waits(10);
  const { corrections } = await standing();
  holds("ten corrections stand", corrections === 10, corrections);
});

await attempt("a warning with a photograph", async () => {
  await page.waitForTimeout(750);
  taps = 0;
  await tap('[data-kind="warning"]');
  await page.waitForSelector('form[name="record"]');
  await photograph("image", "b.jpg");
  await page.waitForSelector("[data-photo]");
  await typePlate("浙K12345");
  await page.waitForTimeout(400);
  await page.reload();
  await page.waitForSelector("[data-photo] img");
  holds("a reload keeps what was written", (await page.textContent(".cells")) === "浙K12345");
  await tap('[data-option="wrong.pavement"]');
  await tap('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
  holds("a warning in at most six taps beside the plate", taps <= 6, taps);
  const slip = await page.getAttribute("[data-slip]", "data-slip");
  const told = await page.textContent("[data-slip]");
  holds("the slip names plate, place and car parks", ["浙K·12345", "凤鸣街人行道", "停车场1"].every((word) => told.includes(word)), told);
  holds("the slip's code leads to its check", (await page.getAttribute("[data-check]", "data-check")).endsWith(`/check?number=${slip}`));
  await page.screenshot({ path: join(out, "slip-warning.png") });
  await closeSlip();
  await page.goBack().catch(() => undefined);
  await page.waitForTimeout(200);
  if (!page.url().startsWith(url)) await page.goto(`${url}#street`);
  await waits(11);
  holds("going back makes nothing twice", (await standing()).waiting === 11);
});

await attempt("a seizure with its inventory", async () => {
  await page.waitForSelector("[data-corrections]");
  await tap('[data-kind="seizure"]');
  await page.waitForSelector('form[name="record"]');
  await page.tap('form[name="record"] [type="submit"]');
  holds("what is lacking is said beside each field", (await page.locator(".lack").count()) >= 3);
  await photograph("image", "c.jpg");
  await page.waitForSelector("[data-photo]");
  await page.tap(".key-acts button[aria-pressed]");
  await page.tap('[data-option="wrong.fire_lane"]');
  await page.tap('[data-add-thing="field.thing.vehicle"]');
  await page.fill('[data-thing="0"] .thing-note', "红色，车架号 8841");
  await page.tap('[data-add-thing="field.thing.keys"]');
  await page.fill('[name="second"]', second);
  await page.fill('[name="custody"]', "城东停放点");
  await page.dblclick('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
  const told = await page.textContent("[data-slip]");
  holds("the receipt lists what was taken", ["电动自行车", "红色，车架号 8841", "钥匙", "城东停放点", "道路交通安全法 第八十九条"].every((word) => told.includes(word)), told);
  await page.evaluate(() => (document.documentElement.dataset.print = "80mm"));
  const paper = join(out, "receipt.pdf");
  await page.pdf({ path: paper, width: "80mm", height: "297mm", printBackground: true });
  holds("it prints on 80 mm paper", readFileSync(paper).subarray(0, 5).toString() === "%PDF-" && statSync(paper).size > 5000);
  await page.evaluate(() => delete document.documentElement.dataset.print);
  await page.screenshot({ path: join(out, "slip-seizure.png") });
  await closeSlip();
  await waits(12);
});

await attempt("a penalty is proposed", async () => {
  await tap('[data-kind="penalty"]');
  await page.waitForSelector('form[name="record"]');
  await page.waitForSelector('.cells span:first-child:text-is("浙")');
  holds("the plate begins as the last one did", (await page.textContent(".cells")) === "浙K");
  await typePlate("浙K54321");
  await page.tap('[data-option="wrong.no_parking"]');
  await page.tap('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
  await closeSlip();
  await waits(13);
});

await attempt("nothing is lost", async () => {
  await page.reload();
  await waits(13);
  holds("a reload with no network keeps all", (await listed("waiting")).length === 13);
  const sealed = await page.evaluate(async () => {
    const db = await new Promise((done) => (indexedDB.open("yunpark-field").onsuccess = (event) => done(event.target.result)));
    const all = (store) => new Promise((done) => (db.transaction(store).objectStore(store).getAll().onsuccess = (event) => done(event.target.result)));
    const text = (rows) => rows.map((row) => new TextDecoder().decode(row.sealed.data)).join("");
    const [items, keys, kept, pictures] = await Promise.all(["items", "keys", "kept", "photos"].map(all));
    const plain = [items, kept, pictures].map(text).join("");
    const taken = await crypto.subtle.exportKey("raw", keys[0].key).then(() => true, () => false);
    return { fields: Object.keys(items[0]).sort().join(), plain: /浙K|纠正|JFIF|correction/.test(plain), taken, pictures: pictures.length };
  });
  holds("the queue is sealed, its key cannot be taken out", sealed.fields === "id,order,sealed" && !sealed.plain && !sealed.taken && sealed.pictures === 3, sealed);
  // The phone's battery falls out.
  const ended = new Promise((done) => context.once("close", done));
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await ended;
  ({ context, pids } = await launchKept(profile, phone));
  await context.setOffline(true);
  await opened();
  await waits(13);
  holds("a browser that is killed keeps all", true);
  await page.click(".bar-button");
  await page.waitForSelector(".leave");
  holds("signing out warns", (await page.textContent(".leave")).includes("13"));
  await page.screenshot({ path: join(out, "leave.png") });
  await page.click("[data-stay]");
  for (const { slip, kind } of await listed("waiting")) tell({ made: kind, slip });
});

await attempt("sent when the network is back", async () => {
  await context.setOffline(false);
  await page.click("[data-sync]").catch(() => undefined);
  // The browser that was killed may have lost its cookie; then the sign-in is asked again, and the queue waits.
  const again = page.waitForSelector(".sign-in-again").then(() => true, () => false);
  if (await Promise.race([again, waits(0).then(() => false)])) await signInAgain();
  await waits(0);
  const { refused } = await standing();
  holds("all of it is taken", refused === 0, await page.$$eval(".queue-item .fault", (all) => all.map((one) => one.textContent)));
  holds("the tally stands", (await standing()).corrections === 10);
});

await attempt("the past of a plate", async () => {
  await page.tap('[data-kind="warning"]');
  await page.waitForSelector('form[name="record"]');
  await typePlate("浙K12345");
  await page.waitForSelector('[data-past="浙K12345"]');
  holds("the past stands under the plate", (await page.textContent("[data-past]")).includes("警告 1"));
  await page.tap(".key-acts button:first-child");
  await typePlate("浙K12346");
  await page.waitForSelector('[data-past="浙K12346"] .alike, [data-past="浙K12346"]:has-text("无处理记录")');
  await page.tap(".submit-buttons .plain");
  await page.waitForSelector("[data-corrections]");
});

await attempt("what is refused says why", async () => {
  await context.setOffline(true);
  await context.setGeolocation({ longitude: 10, latitude: 10, accuracy: 6 });
  await page.waitForFunction(() => document.querySelector("[data-standing]")?.textContent.includes("不在划定路段"));
  for (const plate of ["浙K77889", "浙K66554"]) {
    await page.tap('[data-kind="penalty"]');
    await page.waitForSelector('form[name="record"]');
    await typePlate(plate);
    await page.setInputFiles('input[name="image"]', join(photos, "a.jpg"));
    await page.waitForSelector("[data-photo]");
    await page.tap('[data-option="wrong.no_parking"]');
    await page.tap('form[name="record"] [type="submit"]');
    await page.waitForSelector("[data-slip]");
    await closeSlip();
  }
  await context.setGeolocation(phone.geolocation);
  await page.waitForFunction(() => document.querySelector("[data-standing]")?.textContent.includes("凤鸣街人行道"));
  await page.tap('[data-kind="seizure"]');
  await page.waitForSelector('form[name="record"]');
  await page.tap(".key-acts button[aria-pressed]");
  await page.tap('[data-option="wrong.fire_lane"]');
  await page.tap('[data-add-thing="field.thing.vehicle"]');
  await page.fill('[name="second"]', "nobody");
  await page.fill('[name="custody"]', "城东停放点");
  await page.tap('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
  await closeSlip();
  await correctOnce(1);
  await context.setOffline(false);
  await page.click("[data-sync]").catch(() => undefined);
  await page.waitForSelector('[data-queue="0"][data-refused="3"]');
  await page.reload();
  await page.waitForSelector('[data-queue="0"][data-refused="3"]');
  const told = await page.$$eval('[data-state="refused"] .fault', (all) => all.map((one) => one.textContent));
  holds("each refusal is explained, and stays", told.length === 3 && told[0].includes("位置") && told[2].includes("第二名执法员") && told[2].includes("S-"), told);
  holds("the one after them was sent", (await standing()).corrections === 11);
  await page.screenshot({ path: join(out, "refused.png"), fullPage: true });
  await page.tap('[data-state="refused"][data-kind="penalty"] button:text-is("修改") >> nth=0');
  await page.waitForSelector('form[name="record"]');
  await page.waitForSelector("[data-photo] img");
  holds("it is mended as it was written", (await page.textContent(".cells")) === "浙K77889");
  await page.tap(".place [aria-expanded]");
  await page.tap('.mend-place > button:text-is("用定位")');
  await page.tap('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
  await closeSlip();
  await page.waitForSelector('[data-queue="0"][data-refused="2"]');
  await page.tap('[data-state="refused"][data-kind="penalty"] [data-drop]');
  await page.tap("[data-drop-sure]");
  await page.waitForSelector('[data-queue="0"][data-refused="1"]');
  holds("what was mended is sent, what was discarded is gone", true);
  const taken = '[data-state="refused"][data-kind="seizure"]';
  await page.tap(`${taken} [data-mend-taken]`);
  holds("what was taken is there as it was written", (await page.inputValue(`${taken} [name="custody"]`)) === "城东停放点");
  await page.fill(`${taken} [name="second"]`, "");
  await page.tap(`${taken} form [type="submit"]`);
  await page.waitForSelector(`${taken} .lack, ${taken} [role="alert"]`);
  await page.screenshot({ path: join(out, "mend-taken.png"), fullPage: true });
  await page.fill(`${taken} [name="second"]`, second);
  await page.tap(`${taken} form [type="submit"]`);
  await page.waitForSelector('[data-queue="0"][data-refused="0"]');
  holds("what was taken is put right and sent", true);
});

await attempt("a session that ends keeps what was typed", async () => {
  await page.tap('[data-kind="warning"]');
  await page.waitForSelector('form[name="record"]');
  await typePlate("浙K99999");
  await page.tap('[data-option="wrong.pavement"]');
  await page.fill('[name="note"]', "车主不在");
  await context.clearCookies();
  // Whatever else the page asks meanwhile may find out first, and its dialog would lie over the button.
  await page.$eval('form[name="record"]', (form) => form.requestSubmit());
  await page.waitForSelector(".sign-in-again");
  await page.screenshot({ path: join(out, "again.png") });
  await page.waitForSelector('[data-queue="1"]');
  await signInAgain();
  await page.waitForSelector('[data-queue="0"]');
  holds("signed in again, it is sent", (await standing()).refused === 0);
  await page.waitForSelector("[data-slip]");
  await closeSlip();
});

await attempt("the page as a picture", async () => {
  await page.screenshot({ path: join(out, "home.png"), fullPage: true });
});

await context.close();
rmSync(profile, { recursive: true, force: true });
done();
