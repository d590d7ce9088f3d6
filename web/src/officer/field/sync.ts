// Sends the queue in order whenever there is a network: by itself, and by button. What is refused waits for the officer.
import { signal } from "@preact/signals";
import { Problem } from "../../http.ts";
import { expired, sessionEnded } from "../../staff.tsx";
import type { Item } from "./item.ts";
import { discard, items, load, save, waiting } from "./queue.ts";
import { send } from "./send.ts";

/** How the queue is: sending, at rest, or held up because nothing answers, because the sign-in ended, or by the server. */
export const sending = signal<"rest" | "sending" | "offline" | "signed_out" | "server">("rest");

const AGAIN_MS = 15_000;

/** True if the same request may succeed later without anybody changing it. */
function mayPass({ status }: Problem): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Sends all that waits of one person, in order; of several tabs only one does. */
export async function sync(owner: string): Promise<void> {
  await navigator.locks.request("yunpark-field-sync", { ifAvailable: true }, async (lock) => {
    if (lock === null) return;
    await load();
    for (let next = first(owner); next !== undefined; next = first(owner)) {
      sending.value = "sending";
      try {
        await send(next, save);
      } catch (error) {
        if (!(error instanceof Problem)) {
          sending.value = "offline";
          return;
        }
        if (error.status === 401) {
          sending.value = "signed_out";
          sessionEnded();
          return;
        }
        if (mayPass(error)) {
          sending.value = "server";
          return;
        }
        const { status, slug, detail, fields } = error;
        // What came before in this item stands: the newest of it is in the queue, not in `next`.
        const now = items.value.find((item) => item.id === next?.id) ?? next;
        await save({ ...now, state: "refused", fault: { status, slug, detail, fields } });
      }
    }
    sending.value = "rest";
  });
}

function first(owner: string): Item | undefined {
  return waiting.value.find((item) => item.owner === owner);
}

/** Takes an item back that was not sent yet; false if it was. It waits until what is being sent is through. */
export function takeBack(item: Item): Promise<boolean> {
  return navigator.locks.request("yunpark-field-sync", async () => {
    await load();
    const now = items.value.find(({ id }) => id === item.id);
    if (now === undefined || now.state === "done" || (now.state === "waiting" && (now.capture ?? now.record) !== null)) return false;
    await discard(now);
    return true;
  });
}

/** Puts refused items back among those that wait. */
export async function again(item: Item): Promise<void> {
  await save({ ...item, state: "waiting", fault: null });
}

/** Tries whenever there is a reason to: a network, a page that is looked at, and now and then. Gives back the way to stop. */
export function keepSyncing(owner: () => string | null): () => void {
  const go = (): void => {
    const name = owner();
    if (name !== null && waiting.peek().length > 0) void sync(name);
  };
  const seen = (): void => {
    if (document.visibilityState === "visible") go();
  };
  addEventListener("online", go);
  document.addEventListener("visibilitychange", seen);
  const again = setInterval(go, AGAIN_MS);
  // At once, and whenever the sign-in was renewed.
  const renewed = expired.subscribe((ended) => {
    if (!ended) go();
  });
  return () => {
    renewed();
    removeEventListener("online", go);
    document.removeEventListener("visibilitychange", seen);
    clearInterval(again);
  };
}
