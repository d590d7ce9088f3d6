// What the buttons do: an act is kept first and sent afterwards, and no second tap makes a second one.
import { signal } from "@preact/signals";
import type { Word } from "../../dictionary.ts";
import { session } from "../../staff.tsx";
import { blank, draft, itemOf, lacks, learnFrom, placeOf, type Draft, type Lacks } from "./draft.ts";
import type { Item } from "./item.ts";
import { takePhoto } from "./photos.ts";
import { add, items } from "./queue.ts";
import { sync } from "./sync.ts";
import { dropPhotos } from "./vault.ts";

/** What the last tap came to. */
export const outcome = signal<{ fault: boolean; word: Word; item: string | null } | null>(null);
/** The slip on the screen, by its item. */
export const shownSlip = signal<string | null>(null);
export const lacking = signal<Lacks>({});

let busy = false;
let soonest = 0;

/** Two taps closer than this are one, milliseconds. */
const ONE_TAP_MS = 700;
/** A correction can be taken back for this long before it is sent, milliseconds. */
const REGRET_MS = 4_000;

async function keepIt(now: Draft): Promise<Item | null> {
  const owner = session.value?.name;
  if (busy || owner === undefined) return null;
  busy = true;
  try {
    const mended = items.value.find(({ order }) => order === now.mends);
    await add(itemOf(now, owner), [placeOf(owner)], now.mends);
    if (mended !== undefined) await dropPhotos(mended.id);
    learnFrom(now);
    navigator.vibrate?.(60);
    setTimeout(() => void sync(owner), now.kind === "correction" ? REGRET_MS : 0);
    return items.value.find(({ id }) => id === now.id) ?? null;
  } catch {
    outcome.value = { fault: true, word: "field.not_kept", item: null };
    return null;
  } finally {
    busy = false;
  }
}

/** One tap: a non-motor vehicle was put right here and now, with a photograph or without. */
export async function correct(reason: Word, photo: Blob | null): Promise<void> {
  if (performance.now() < soonest) return;
  soonest = performance.now() + ONE_TAP_MS;
  const now: Draft = { ...blank("correction"), reason };
  try {
    if (photo !== null) now.photos = [await takePhoto(now.id, photo)];
  } catch {
    outcome.value = { fault: true, word: "street.photo_bad", item: null };
    return;
  }
  const item = await keepIt(now);
  if (item !== null) outcome.value = { fault: false, word: "field.corrected", item: item.id };
}

/** True while no taps are taken: the second of two quick ones must not hit what has come in the place of the button. */
export const shielded = signal(false);

function shield(): void {
  const app = document.getElementById("app");
  if (app === null) return;
  app.inert = true;
  // A dialog above the page escapes what is said of the page, and is told by itself.
  shielded.value = true;
  setTimeout(() => {
    app.inert = false;
    shielded.value = false;
  }, ONE_TAP_MS);
}

/** Keeps the draft on the screen as an act; true if it was whole. */
export async function submit(): Promise<boolean> {
  const now = draft.value;
  if (now === null) return false;
  lacking.value = lacks(now);
  if (Object.keys(lacking.value).length > 0) return false;
  shield();
  const item = await keepIt(now);
  if (item === null) return false;
  draft.value = null;
  outcome.value = { fault: false, word: "field.kept", item: item.id };
  if (now.kind !== "correction") shownSlip.value = item.id;
  return true;
}
