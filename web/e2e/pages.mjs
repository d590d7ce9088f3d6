// The pages and states the scripts of this folder look at, and how each is reached.

export const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const tab = (name) => (page) => page.click(`[data-tab="${name}"]`);

const unfold = (row) => async (page) => {
  await page.click(`${row} .row-head button >> nth=0`);
  await page.waitForTimeout(400);
};
const ADMIN_ACTS = { users: unfold("[data-user]"), documents: unfold('[data-form="decision"]'), history: (page) => page.waitForSelector("[data-changes], .empty") };

export const PAGES = [
  { name: "public", path: "/", ready: '[data-map="shown"]', gl: true },
  { name: "public-list", path: "/", ready: "[data-lot]", gl: false, act: openList },
  { name: "navigate", path: "/", ready: "[data-lot]", gl: false, act: (page) => page.click(".go >> nth=0") },
  { name: "bays", path: "/", ready: '[data-map="shown"]', gl: true, act: zoomIn, forPictures: true },
  { name: "destination", path: "/", ready: '[data-map="shown"]', gl: true, act: destination, forPictures: true },
  { name: "clusters", path: "/", ready: '[data-map="shown"]', gl: true, act: zoomOut, forPictures: true },
  { name: "lot", path: "/lots/{lot}", ready: ".chart canvas", gl: false, whole: true },
  { name: "poster", path: "/lots/{lot}/poster", ready: ".sheet .qr svg", gl: false, whole: true },
  { name: "lite", path: "/lite", ready: "tbody tr", gl: false },
  { name: "check", path: "/check", ready: "body", gl: false },
  { name: "signs-map", path: "/signs", ready: '[data-map="shown"]', gl: true, whole: false },
  { name: "signs", path: "/signs", ready: "[data-sign]", gl: false, whole: true },
  { name: "feeds", path: "/feeds", ready: "[data-feed]", gl: false, whole: true },
  { name: "report", path: "/report", ready: "[data-kind]", gl: false, whole: true, act: reportDraft },
  { name: "report-figures", path: "/report", ready: "[data-tab]", gl: false, whole: true, act: tab("figures") },
  { name: "matters", path: "/matters", ready: "[data-matters]", gl: false, staff: true, act: firstMatter },
  { name: "matters-map", path: "/matters", ready: "[data-matters]", gl: false, staff: true, act: mattersMap },
  { name: "matters-scores", path: "/matters", ready: "[data-matters]", gl: false, staff: true, role: "supervisor", act: tab("scores") },
  { name: "matters-patrol", path: "/matters", ready: "[data-matters]", gl: false, staff: true, act: patrols },
  { name: "matters-grid", path: "/matters", ready: "[data-matters]", gl: false, staff: true, act: tab("grid") },
  { name: "officer-matters", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: tab("matters") },
  { name: "officer-review", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: tab("review") },
  { name: "officer-street", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: tab("street") },
  { name: "officer-seizure", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: seizure },
  { name: "officer-warning", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: warning },
  { name: "officer-plates", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: plates },
  { name: "officer-records", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: tab("records") },
  { name: "supervisor", path: "/supervisor", ready: "[data-statistics]", gl: false, staff: true, role: "supervisor" },
  { name: "operator", path: "/operator", ready: "[data-sensors]", gl: false, staff: true, role: "supervisor" },
  ...["users", "permits", "policies", "calendar", "retention", "documents", "history"].map((name) => ({
    name: `admin-${name}`, path: `/admin#${name}`, ready: `[data-shown="${name}"] .card`, gl: false, staff: true, role: "admin", act: ADMIN_ACTS[name],
  })),
  { name: "operator-city", path: "/operator", ready: "[data-sensors]", gl: false, staff: true, role: "operator", act: cityReport },
  { name: "supervisor-map", path: "/supervisor", ready: "[data-statistics]", gl: true, staff: true, role: "supervisor", act: hotMap },
  { name: "supervisor-figure", path: "/supervisor", ready: "[data-statistics]", gl: false, staff: true, role: "supervisor", act: figure },
  { name: "officer-slip", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: slip },
  { name: "officer-leave", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: leave },
  { name: "officer-again", path: "/officer", ready: "[data-tab]", gl: false, staff: true, act: again },
  { name: "sign-in", path: "/officer", ready: 'form[name="sign-in"]', gl: false },
];

/** A lot with much to show: bays, special uses, and free places. */
export async function richLot(base) {
  const { lots } = await (await fetch(`${base}/api/v1/lots`)).json();
  const told = lots.map((lot) => ({ id: lot.id, worth: (lot.free > 0 ? 1 : 0) + lot.groups.length + lot.entrances.length }));
  for (const { id } of told.sort((a, b) => b.worth - a.worth)) {
    const { spaces } = await (await fetch(`${base}/api/v1/lots/${id}/spaces`)).json();
    if (spaces.some((space) => space.outline !== null)) return id;
  }
  return told[0]?.id ?? "";
}

/** Opens a session whose cookie the whole context keeps; gives back its role. */
export async function signIn(context, base, name, password) {
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { name, password } });
  if (!answer.ok()) throw new Error(`sign-in failed: ${answer.status()}`);
  return (await answer.json()).role;
}

async function reportDraft(page) {
  await page.click("[data-kind] >> nth=1");
  await page.waitForSelector('[data-ground="shown"]');
  await page.locator(".ground").scrollIntoViewIfNeeded();
  const map = await page.locator(".ground").boundingBox();
  await page.mouse.click(map.x + map.width * 0.45, map.y + map.height * 0.55);
}

async function firstMatter(page) {
  await page.waitForSelector("[data-matter]");
  await page.locator("[data-matter]").first().click();
  await page.waitForSelector("[data-opened]");
}

async function mattersMap(page) {
  await page.click('[data-tab="map"]');
  await page.waitForSelector('[data-ground="shown"]');
}

async function patrols(page) {
  await page.click('[data-tab="patrol"]');
  await page.waitForSelector("[data-walked]");
}

async function destination(page) {
  await page.fill('[name="q"]', "c");
  await page.locator(".meant button").first().click();
  await page.waitForTimeout(1500);
}

async function zoomOut(page) {
  await page.evaluate(() => document.querySelector(".map-canvas").view.jumpTo({ zoom: 12.4 }));
}

async function openList(page) {
  const button = page.locator(".handle button").first();
  if (await button.isVisible()) await button.click();
}

async function zoomIn(page) {
  await page.click(".zones");
  const card = page.locator('[data-lot][data-level="free"] .lot-name').first();
  await card.click();
  await page.waitForTimeout(500);
  await page.evaluate(() => document.querySelector(".map-canvas").view.jumpTo({ zoom: 18.2 }));
}

async function seizure(page) {
  await page.click('[data-tab="street"]');
  await page.click('[data-kind="seizure"]');
}

async function warning(page) {
  await page.click('[data-tab="street"]');
  await page.click('[data-kind="warning"]');
  await page.waitForSelector('form[name="record"]');
  await page.click(".place [aria-expanded]");
}

/** The history of a vehicle that cameras saw; where none did, what a look-up without a find says. */
async function plates(page) {
  const { incidents } = await (await page.request.get(new URL("/api/v1/incidents?limit=1", page.url()).href)).json();
  await page.click('[data-tab="plates"]');
  await page.fill('form[name="plate-history"] [name="plate"]', incidents[0]?.as_read[0] ?? "浙K12345");
  await page.selectOption('form[name="plate-history"] [name="purpose"]', { index: 1 });
  await page.click('form[name="plate-history"] [type="submit"]');
  await page.waitForSelector("[data-history], .fault");
}

/** The report of a file that is none. */
async function cityReport(page) {
  await page.setInputFiles('[name="city-file"]', { name: "city.geojson", mimeType: "application/geo+json", buffer: Buffer.from('{\n "type": "FeatureCollection",\n "features": [{"type": "Feature"}]\n}') });
  await page.waitForSelector("[data-report]");
}

async function hotMap(page) {
  await page.locator(".hot").scrollIntoViewIfNeeded();
  await page.waitForSelector('.hot-map [data-map="shown"]', { timeout: 30_000 }).catch(() => undefined);
  await page.locator("[data-spot] .link").first().click({ timeout: 2_000 }).catch(() => undefined);
}

async function figure(page) {
  await page.locator("[data-stage] .figure").first().click({ timeout: 10_000 }).catch(() => undefined);
  await page.waitForTimeout(800);
}

/** A correction's slip has no dialog of its own: a warning is kept, and its slip stands. */
async function slip(page) {
  await warning(page);
  await page.click(".key-acts button[aria-pressed]");
  await page.click('[data-option="wrong.pavement"]');
  await page.click('form[name="record"] [type="submit"]');
  await page.waitForSelector("[data-slip]");
}

/** Something waits, and the officer wants to sign out. */
async function leave(page) {
  await tab("street")(page);
  await page.context().setOffline(true);
  await page.click("[data-correct]");
  await page.waitForSelector("[data-queue]:not([data-queue='0'])");
  await page.route("**/api/v1/**", (route) => route.abort());
  await page.context().setOffline(false);
  await page.click(".bar-end .bar-button");
  await page.waitForSelector("dialog.leave");
}

async function again(page) {
  await tab("street")(page);
  await page.route("**/api/v1/corrections", (route) => route.fulfill({ status: 401, contentType: "application/problem+json", body: '{"type": "x/unauthenticated", "title": "x"}' }));
  // What another page left in the queue may ask before the tap does.
  await page.click("[data-correct]", { timeout: 3_000 }).catch(() => undefined);
  await page.waitForSelector("dialog.sign-in-again");
}
