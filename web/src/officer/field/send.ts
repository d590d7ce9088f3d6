// How one item is sent: its photographs as a capture, then the record, then what was taken. Each part has a key of its own, so
// that what is sent twice is done once, and what the server has is not sent again.
import { ask, Problem } from "../../http.ts";
import type { LedgerRecord } from "../../types.ts";
import type { Item, MatterDone } from "./item.ts";
import { photoBytes } from "./vault.ts";

const UPLOAD_MS = 120_000;
/** Why something was taken at once; the ledger's language. */
const WHY_AT_ONCE = "现场实施";

interface CaptureAnswer {
  id: string;
  images: { sha256: string }[];
}

/** Sends what is still missing of an item; `note` is called after each part, before the next is begun. */
export async function send(item: Item, note: (item: Item) => Promise<void>): Promise<void> {
  if (item.matter !== undefined) {
    await sendMatter(item, item.matter);
    await note({ ...item, state: "done", fault: null });
    return;
  }
  let now = item;
  const come = async (part: Partial<Item>): Promise<void> => {
    now = { ...now, ...part };
    await note(now);
  };
  if (now.capture === null && now.photos.length > 0) await come({ capture: await sendCapture(now) });
  if (now.record === null) {
    const { id, number } = await sendRecord(now);
    await come({ record: { id, number } });
  }
  if (now.said.taken !== null && !now.taken) {
    await sendTaken(now);
    await come({ taken: true });
  }
  await come({ state: "done", fault: null });
}

async function sendCapture(item: Item): Promise<string> {
  const { said } = item;
  const meta = {
    at: item.made_at,
    vehicle_class: said.vehicle_class,
    ...(said.plate === null ? {} : { plate: said.plate }),
    ...(said.location === null ? {} : { location: said.location }),
    ...(said.zone === null ? {} : { zone: said.zone }),
  };
  const form = await formOf(item, meta);
  const signal = AbortSignal.timeout(UPLOAD_MS);
  const answer = await ask<CaptureAnswer>("/api/v1/captures", { method: "POST", form, key: `${item.id}-c`, signal });
  const same = answer.images.length === item.photos.length && item.photos.every((photo, i) => photo.sha256 === answer.images[i]?.sha256);
  if (!same) throw new Problem(409, "", "", {}, "digest-differs");
  return answer.id;
}

/** What was done, and its photographs, as one form. */
async function formOf(item: Item, meta: unknown): Promise<FormData> {
  const form = new FormData();
  form.append("meta", new Blob([JSON.stringify(meta)], { type: "application/json" }), "meta.json");
  for (const [i, photo] of item.photos.entries()) {
    const bytes = await photoBytes(item.id, photo.sha256);
    if (bytes === null) throw lost(photo.sha256);
    form.append("image", new Blob([bytes], { type: photo.type }), `${i + 1}.${photo.type === "image/png" ? "png" : "jpg"}`);
  }
  return form;
}

async function sendMatter(item: Item, { id, note }: MatterDone): Promise<void> {
  const form = await formOf(item, { note, at: item.made_at });
  const signal = AbortSignal.timeout(UPLOAD_MS);
  await ask(`/api/v1/matters/${encodeURIComponent(id)}/handled`, { method: "POST", form, key: item.id, signal });
}

const lost = (sha256: string): Problem => new Problem(422, "", sha256.slice(0, 8), {}, "photo-lost");

function sendRecord(item: Item): Promise<LedgerRecord> {
  const { said } = item;
  const json = {
    vehicle_class: said.vehicle_class,
    at: item.made_at,
    reason: said.reason,
    ...(said.plate === null ? {} : { plate: said.plate }),
    ...(said.location === null ? {} : { location: said.location }),
    ...(said.zone === null ? {} : { zone: said.zone }),
    ...(said.grid_cell === null ? {} : { grid_cell: said.grid_cell }),
    ...(said.note === null ? {} : { note: said.note }),
    ...(item.capture === null ? {} : { captures: [item.capture] }),
  };
  const post = (path: string, more: object): Promise<LedgerRecord> =>
    ask<LedgerRecord>(path, { method: "POST", json: { ...json, ...more }, key: item.id });
  if (said.kind === "correction") return post("/api/v1/corrections", {});
  if (said.kind !== "seizure") return post("/api/v1/records", { kind: said.kind });
  const { act, legal_basis, ground } = said;
  return post("/api/v1/seizures", { act, legal_basis, ...(ground === null ? {} : { ground }) });
}

function sendTaken(item: Item): Promise<unknown> {
  const json = { step: "execute_at_once", why: WHY_AT_ONCE, at: item.made_at, ...item.said.taken };
  return ask(`/api/v1/records/${encodeURIComponent(item.record?.id ?? "")}/steps`, { method: "POST", json, key: `${item.id}-t${item.mended ?? ""}` });
}
