// The queue on the phone: every act in the order it was made, whatever becomes of the page.
import { computed, signal } from "@preact/signals";
import { addItem, allItems, dropItem, dropPhotos, saveItem } from "./vault.ts";
import type { Item } from "./item.ts";

const DONE_KEPT_MS = 48 * 3_600_000;

/** All items of this phone, whoever made them, first first. */
export const items = signal<Item[]>([]);
/** Rows that do not open any more; they are counted and shown, never dropped. */
export const unreadable = signal(0);

export const waiting = computed(() => items.value.filter((item) => item.state === "waiting"));
export const refused = computed(() => items.value.filter((item) => item.state === "refused"));

const others = "BroadcastChannel" in window ? new BroadcastChannel("yunpark-field") : null;
others?.addEventListener("message", () => void load());

let reading: Promise<void> = Promise.resolve();

/** Reads the queue anew, one reading after the other, so that an older one never stands over a newer. */
export function load(): Promise<void> {
  reading = reading.then(readAll, readAll);
  return reading;
}

/** Reads all there is, and forgets what was done two days ago. */
async function readAll(): Promise<void> {
  const rows = await allItems<Item>();
  unreadable.value = rows.filter((row) => row.item === null).length;
  const known = rows.flatMap(({ order, item }) => (item === null ? [] : [{ ...item, order }]));
  const isOld = (item: Item): boolean => item.state === "done" && Date.now() - Date.parse(item.made_at) > DONE_KEPT_MS;
  items.value = known.filter((item) => !isOld(item));
  for (const old of known.filter(isOld)) await dropItem(old.order);
}

async function changed(): Promise<void> {
  others?.postMessage("changed");
  await load();
}

/** Puts an item at the end; once it is back, the item is on the disk. The same item a second time changes nothing. */
export async function add(item: Omit<Item, "order">, forgets: string[], instead: number | null): Promise<void> {
  await addItem(item.id, item, forgets, instead);
  await changed();
}

/** Writes how far an item has come. Photographs the server has are let go. */
export async function save(item: Item): Promise<void> {
  await saveItem(item.order, item.id, item);
  if (item.state === "done") await dropPhotos(item.id);
  await changed();
}

/** Forgets an item that the officer does not want any more. */
export async function discard(item: Item): Promise<void> {
  await dropItem(item.order);
  await dropPhotos(item.id);
  await changed();
}
