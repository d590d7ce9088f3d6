// Keeps the files of the pages that work offline, so that they open without a network. Never what the server says: /api is not touched here.
const PAGES = "yunpark-pages";
const FILES = "yunpark-files";
const KEPT_PAGES = ["/", "/signs", "/officer"];
const MOST_FILES = 80;

/** Under which name a page is kept, or null. All lots have one page, which reads its lot from its address. */
function nameOf(path) {
  if (/^\/lots\/[^/]+$/.test(path)) return "/lots/";
  return KEPT_PAGES.includes(path) ? path : null;
}

self.addEventListener("install", (event) => {
  event.waitUntil(self.skipWaiting());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

// A page tells what it was made of before the worker was there to see it.
self.addEventListener("message", (event) => {
  const wanted = event.data?.keep;
  if (typeof wanted?.page !== "string" || nameOf(wanted.page) === null || !Array.isArray(wanted.files)) return;
  const files = wanted.files.filter((path) => typeof path === "string" && path.startsWith("/assets/"));
  event.waitUntil(keepAll(wanted.page, files, event.source));
});

async function keepAll(path, files, client) {
  await Promise.all(files.map((name) => file(new Request(name))));
  const answer = await fetch(path);
  if (answer.ok) await (await caches.open(PAGES)).put(nameOf(path), answer);
  client?.postMessage({ kept: path });
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/assets/")) event.respondWith(file(event.request));
  else if (event.request.mode === "navigate" && nameOf(url.pathname) !== null) event.respondWith(page(nameOf(url.pathname), event.request));
});

/** The newest page the network gives, else the kept one. */
async function page(name, request) {
  const cache = await caches.open(PAGES);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(name, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(name, { ignoreVary: true });
    if (kept === undefined) throw error;
    return kept;
  }
}

/** A file whose name carries its hash never changes. */
async function file(request) {
  const cache = await caches.open(FILES);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    const keys = await cache.keys();
    await Promise.all(keys.slice(0, Math.max(0, keys.length - MOST_FILES)).map((old) => cache.delete(old)));
  }
  return answer;
}
