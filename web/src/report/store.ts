// What a citizen is about to say, and what was said from this device: receipts alone, nothing of what was in them.
import { signal } from "@preact/signals";
import { learnServerTime } from "../clock.ts";
import { ask, newKey } from "../http.ts";
import { keep, kept } from "../keep.ts";
import type { LonLat, Text } from "../types.ts";

export interface Kind {
  code: string;
  class: "event" | "component";
  name: Text;
  opened_when: Text;
}

export interface Kinds {
  kinds: Kind[];
  most_pictures: number;
  max_image_bytes: number;
  contact_days: number;
}

export interface Followed {
  receipt: string;
  number: string;
  category: string;
  category_name: Text;
  state: string;
  stage: string | null;
  at: string;
  others: number;
  due_by: string | null;
  unit: Text | null;
  steps: [string, string][];
  answer: string | null;
  may_judge: boolean;
  judged: number | null;
}

export interface Photo {
  url: string;
  blob: Blob;
}

export interface Draft {
  key: string;
  kind: string;
  at: LonLat | null;
  place: string;
  what: string;
  contact: string;
  photos: Photo[];
}

export interface Receipt {
  receipt: string;
  number: string;
  merged: boolean;
}

const RECEIPTS = "report.receipts";
const MOST_KEPT = 20;
const LONGEST_SIDE_PX = 1600;
const QUALITY = 0.82;

export const kinds = signal<Kinds | null>(null);
export const draft = signal<Draft>(blank());
export const sent = signal<Receipt | null>(null);
export const mine = signal<string[]>(kept<string[]>(RECEIPTS) ?? []);

function blank(): Draft {
  return { key: newKey(), kind: "", at: null, place: "", what: "", contact: "", photos: [] };
}

export function change(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
}

export function begin(): void {
  for (const { url } of draft.value.photos) URL.revokeObjectURL(url);
  draft.value = blank();
  sent.value = null;
}

export async function learnKinds(): Promise<void> {
  kinds.value = await ask<Kinds>("/api/v1/citizen/kinds");
}

/** Draws a picture anew: smaller, and without what the camera wrote into it. */
export async function plain(file: Blob): Promise<Photo> {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  const blob = await new Promise<Blob>((done, fail) => {
    canvas.toBlob((made) => (made === null ? fail(new Error("no JPEG")) : done(made)), "image/jpeg", QUALITY);
  });
  return { blob, url: URL.createObjectURL(blob) };
}

/** Sends what is on the screen; the same key again is the same report. */
export async function send(): Promise<void> {
  const now = draft.value;
  const meta = {
    category: now.kind,
    ...(now.at === null ? {} : { location: now.at }),
    place: now.place.trim(),
    what: now.what.trim(),
    ...(now.contact.trim() === "" ? {} : { contact: now.contact.trim() }),
  };
  const form = new FormData();
  form.append("meta", new Blob([JSON.stringify(meta)], { type: "application/json" }), "meta.json");
  now.photos.forEach(({ blob }, i) => form.append("image", blob, `${i + 1}.jpg`));
  const answer = await ask<Receipt>("/api/v1/citizen/reports", { method: "POST", form, key: now.key, signal: AbortSignal.timeout(90_000) });
  sent.value = answer;
  mine.value = [answer.receipt, ...mine.value.filter((one) => one !== answer.receipt)].slice(0, MOST_KEPT);
  keep(RECEIPTS, mine.value);
}

export async function follow(receipt: string): Promise<Followed> {
  const answer = await ask<{ now: string; report: Followed }>(`/api/v1/citizen/reports/${encodeURIComponent(receipt)}`);
  learnServerTime(answer.now);
  return answer.report;
}
