// What the officer is writing: kept on the phone as it is typed, and made into an item of the queue by one tap.
import { effect, signal } from "@preact/signals";
import { serverNowMs } from "../../clock.ts";
import type { Word } from "../../dictionary.ts";
import { keep, kept } from "../../keep.ts";
import { plateForm } from "../../plate.ts";
import type { LonLat, RecordKind, VehicleClass } from "../../types.ts";
import { ledgerWording, type Act } from "../wording.ts";
import { newSlip, type Item, type PhotoFacts, type Said, type Thing } from "./item.ts";
import { kit, type Basis } from "./kit.ts";
import { items } from "./queue.ts";
import { dropPhotos, forget, keepSealed, keptSealed } from "./vault.ts";
import { foundAt, freshFix, nearestLots, whereWords } from "./where.ts";

export interface Draft {
  /** The slip's number it will have; so a second tap makes nothing new. */
  id: string;
  kind: RecordKind;
  vehicleClass: VehicleClass;
  plate: string;
  noPlate: boolean;
  reason: Word | null;
  /** Set by hand; null follows the phone. */
  location: LonLat | null;
  zone: string;
  cell: string;
  note: string;
  photos: PhotoFacts[];
  act: Act;
  basis: string;
  ground: string;
  atOnce: boolean;
  second: string;
  custody: string;
  inventory: Thing[];
  witness: string;
  /** The refused item this one stands in place of, by its place in the queue, and when that was made. */
  mends: number | null;
  madeAt: string | null;
}

const PREFIX = "plate_prefix";
const CUSTODY = "field.custody";
const SECOND = "field.second";
const REASON = "field.reason";

/** The reason of the last correction on this phone. */
export function lastReason(): Word {
  return kept<Word>(REASON) ?? "wrong.pavement";
}

export function blank(kind: RecordKind): Draft {
  const isCorrection = kind === "correction";
  return {
    id: newSlip(),
    kind,
    vehicleClass: isCorrection || kind === "seizure" ? "non_motor" : "motor",
    plate: isCorrection || kind === "seizure" ? "" : (kept<string>(PREFIX) ?? ""),
    noPlate: isCorrection,
    reason: isCorrection ? lastReason() : null,
    location: null,
    zone: "",
    cell: "",
    note: "",
    photos: [],
    act: "detention",
    basis: "",
    ground: "",
    atOnce: true,
    second: kept<string>(SECOND) ?? "",
    custody: kept<string>(CUSTODY) ?? "",
    inventory: [],
    witness: "",
    mends: null,
    madeAt: null,
  };
}

/** The draft on the screen; null while none was begun. */
export const draft = signal<Draft | null>(null);

export function change(part: Partial<Draft>): void {
  if (draft.value !== null) draft.value = { ...draft.value, ...part };
}

const SETTLES_MS = 120;

let owner = "";

/** The name one person's draft is kept under. */
export const placeOf = (person: string): string => `draft/${person}`;

/** Takes the draft a person was writing on this phone; one that is in the queue already is none any more. */
export async function recallDraft(person: string): Promise<void> {
  // Another person's draft leaves the screen; one that was begun a moment ago stays.
  if (owner !== "" && owner !== person) draft.value = null;
  owner = person;
  const known = await keptSealed<Draft>(placeOf(person)).catch(() => null);
  const isSent = items.value.some((item) => item.id === known?.id);
  if (known !== null && !isSent && owner === person && draft.value === null) draft.value = known;
}

let soon = 0;
effect(() => {
  const now = draft.value;
  clearTimeout(soon);
  if (now !== null) soon = window.setTimeout(() => void keepSealed(placeOf(owner), now).catch(() => undefined), SETTLES_MS);
});

/** Begins a draft, or goes on with the one that was begun as another kind of act. */
export function begin(kind: RecordKind): void {
  const now = draft.value;
  if (now === null || !isBegun(now)) draft.value = blank(kind);
  else if (now.kind !== kind) draft.value = { ...now, kind };
}

/** True if something would be lost with it. */
export function isBegun(now: Draft): boolean {
  return now.photos.length > 0 || now.note !== "" || now.inventory.length > 0 || now.reason !== null || [...now.plate].length > 2 || now.mends !== null;
}

/** Throws the draft away, with its photographs. */
export async function throwAway(): Promise<void> {
  const now = draft.value;
  draft.value = null;
  if (now === null) return;
  await forget(placeOf(owner));
  await dropPhotos(now.id);
}

/** The bases an act may rest on for a kind of vehicle, as the server last told them. */
export function basesOf(act: Act, vehicleClass: VehicleClass): Basis[] {
  const all = kit.value?.field.bases[act] ?? [];
  return all.filter((basis) => basis.vehicle_class === null || basis.vehicle_class === vehicleClass);
}

/** The basis that is chosen, or the only one there is. */
export function basisOf(now: Draft): Basis | undefined {
  const all = basesOf(now.act, now.vehicleClass);
  return all.find(({ text }) => text === now.basis) ?? (all.length === 1 ? all[0] : undefined);
}

export type Lacks = Partial<Record<"plate" | "reason" | "basis" | "ground" | "second" | "custody" | "inventory", Word>>;

/** What is missing, each beside its field; empty if it can be kept. */
export function lacks(now: Draft): Lacks {
  const found: Lacks = {};
  if ([...now.plate].length < 3 && !now.noPlate) found.plate = "street.need_plate";
  if (now.reason === null) found.reason = "street.need_reason";
  if (now.kind !== "seizure") return found;
  const basis = basisOf(now);
  if (basis === undefined) found.basis = "street.need_basis";
  else if (basis.grounds.length > 1 && !basis.grounds.includes(now.ground)) found.ground = "field.need_ground";
  if (!isTaken(now)) return found;
  if (now.second.trim() === "") found.second = "field.need_second";
  if (now.custody.trim() === "") found.custody = "field.need_custody";
  if (now.inventory.length === 0 || now.inventory.some((thing) => thing.name.trim() === "")) found.inventory = "field.need_inventory";
  return found;
}

/** True if something is taken now, before anybody approved it; a tow is only proposed. */
export function isTaken(now: Draft): boolean {
  return now.kind === "seizure" && now.act !== "tow" && now.atOnce;
}

function said(now: Draft, location: LonLat | null, accuracyM: number | null): Said {
  const basis = now.kind === "seizure" ? basisOf(now) : undefined;
  const taken = {
    second_officer: now.second.trim(),
    custody: now.custody.trim(),
    inventory: now.inventory.map(({ name, quantity, note }) => ({ name: name.trim(), quantity, note: note.trim() })),
    witness: now.witness.trim() === "" ? null : now.witness.trim(),
  };
  return {
    kind: now.kind,
    vehicle_class: now.vehicleClass,
    plate: now.noPlate || now.plate === "" ? null : now.plate,
    location,
    accuracy_m: accuracyM,
    zone: now.zone === "" ? null : now.zone,
    grid_cell: now.cell === "" ? null : now.cell,
    reason: now.reason === null ? "" : ledgerWording(now.reason),
    note: now.note.trim() === "" ? null : now.note.trim(),
    act: now.kind === "seizure" ? now.act : null,
    legal_basis: basis?.text ?? null,
    ground: basis !== undefined && basis.grounds.length > 1 ? now.ground : null,
    taken: isTaken(now) ? taken : null,
  };
}

/** The item a draft makes, as of now and here. */
export function itemOf(now: Draft, owner: string): Omit<Item, "order"> {
  const known = freshFix();
  const location = now.location ?? known?.at ?? null;
  return {
    id: now.id,
    owner,
    made_at: now.madeAt ?? new Date(serverNowMs()).toISOString(),
    said: said(now, location, now.location === null ? (known?.accuracyM ?? null) : null),
    where: whereWords(foundAt(location, now)),
    near: nearestLots(location, now.vehicleClass),
    photos: now.photos,
    state: "waiting",
    capture: null,
    record: null,
    taken: false,
    fault: null,
  };
}

/** Remembers on this phone what the next draft is likely to say too. */
export function learnFrom(now: Draft): void {
  const form = plateForm(now.plate);
  if (form === "ordinary" || form === "new_energy") keep(PREFIX, now.plate.slice(0, 2));
  if (now.kind === "correction" && now.reason !== null) keep(REASON, now.reason);
  if (isTaken(now)) {
    keep(CUSTODY, now.custody.trim());
    keep(SECOND, now.second.trim());
  }
}
