// Lets the page open without a network: a worker keeps its files. Their numbers are the store's affair, with their age.

/** Registers the worker where the browser allows it, and has it keep what this page is made of already at the first visit. */
export function keepOffline(): void {
  if (!window.isSecureContext || !("serviceWorker" in navigator)) return;
  const begin = async (): Promise<void> => {
    await navigator.serviceWorker.register("/sw.js");
    const { active } = await navigator.serviceWorker.ready;
    const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
    const files = loaded.filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith("/assets/"));
    active?.postMessage({ keep: { page: location.pathname, files: [...new Set(files.map(({ pathname }) => pathname))] } });
  };
  // Without the worker the page needs a network, and says so itself.
  const quietly = (): void => void begin().catch(() => undefined);
  if (document.readyState === "complete") quietly();
  else addEventListener("load", quietly);
}
