// Lets the page open without a network: a worker keeps its files. Their numbers are the store's affair, with their age.

/** Registers the worker where the browser allows it. */
export function keepOffline(): void {
  if (!window.isSecureContext || !("serviceWorker" in navigator)) return;
  addEventListener("load", () => {
    // Without the worker the page needs a network, and says so itself.
    navigator.serviceWorker.register("/sw.js").catch(() => undefined);
  });
}
