// A record as the officer writes it, what it still lacks, and how it is sent: photographs first, then the record.
import { serverNowMs } from "../clock.ts";
import type { Word } from "../dictionary.ts";
import { ask } from "../http.ts";
import type { LedgerRecord, LonLat, VehicleClass } from "../types.ts";
import { sameBytes, type Photo } from "./photos.ts";
import { ledgerWording, type Act } from "./wording.ts";

export type DraftKind = "correction" | "warning" | "seizure";

export interface Draft {
  vehicleClass: VehicleClass;
  kind: DraftKind;
  plate: string;
  noPlate: boolean;
  reason: Word | null;
  act: Act;
  basis: string;
  location: LonLat | null;
  accuracyM: number | null;
  zone: string;
  note: string;
  photos: Photo[];
  /** Keys of this draft's two acts, so that a second tap or a retry does nothing twice. */
  captureKey: string;
  recordKey: string;
}

export class DigestDiffers extends Error {}

/** What is missing, as a sentence of the dictionary; null if it can be sent. */
export function missing(draft: Draft): Word | null {
  if ([...draft.plate].length < 3 && !draft.noPlate) return "street.need_plate";
  if (draft.reason === null) return "street.need_reason";
  if (draft.kind === "seizure" && draft.basis === "") return "street.need_basis";
  return null;
}

/** Sends the photographs as one capture, then the record that names it. */
export async function send(draft: Draft): Promise<LedgerRecord> {
  const captures = draft.photos.length === 0 ? [] : [await sendCapture(draft)];
  const json = {
    vehicle_class: draft.vehicleClass,
    ...(draft.plate === "" ? {} : { plate: draft.plate }),
    ...(draft.location === null ? {} : { location: draft.location }),
    ...(draft.zone === "" ? {} : { zone: draft.zone }),
    ...(draft.note.trim() === "" ? {} : { note: draft.note.trim() }),
    reason: draft.reason === null ? "" : ledgerWording(draft.reason),
    ...(captures.length === 0 ? {} : { captures }),
  };
  if (draft.kind === "seizure") {
    const seizure = { ...json, act: draft.act, legal_basis: draft.basis };
    return ask<LedgerRecord>("/api/v1/seizures", { method: "POST", json: seizure, key: draft.recordKey });
  }
  return ask<LedgerRecord>("/api/v1/records", { method: "POST", json: { ...json, kind: draft.kind }, key: draft.recordKey });
}

interface CaptureAnswer {
  id: string;
  images: { sha256: string }[];
}

async function sendCapture(draft: Draft): Promise<string> {
  const meta = {
    at: captureAt(draft),
    vehicle_class: draft.vehicleClass,
    ...(draft.plate === "" ? {} : { plate: draft.plate }),
    ...(draft.location === null ? {} : { location: draft.location }),
    ...(draft.zone === "" ? {} : { zone: draft.zone }),
  };
  const form = new FormData();
  form.append("meta", new Blob([JSON.stringify(meta)], { type: "application/json" }), "meta.json");
  draft.photos.forEach((photo, i) => form.append("image", photo.blob, `${i + 1}.${photo.blob.type === "image/png" ? "png" : "jpg"}`));
  const answer = await ask<CaptureAnswer>("/api/v1/captures", { method: "POST", form, key: draft.captureKey });
  if (!sameBytes(draft.photos, answer.images)) throw new DigestDiffers();
  return answer.id;
}

const capturedAt = new Map<string, string>();

/** The instant of the capture, the same at every retry of one draft. */
function captureAt(draft: Draft): string {
  const known = capturedAt.get(draft.captureKey);
  if (known !== undefined) return known;
  const at = new Date(serverNowMs()).toISOString();
  capturedAt.set(draft.captureKey, at);
  return at;
}
