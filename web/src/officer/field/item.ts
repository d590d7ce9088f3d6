// One act of an officer as the phone keeps it until the server has it, and how far it has come.
import type { RecordKind, Text, VehicleClass, LonLat } from "../../types.ts";
import type { Act } from "../wording.ts";

/** One thing taken into custody. */
export interface Thing {
  name: string;
  quantity: number;
  note: string;
}

/** What was taken on the spot. */
export interface Taken {
  second_officer: string;
  custody: string;
  inventory: Thing[];
  witness: string | null;
}

/** What the officer says; it does not change once it is in the queue, for its keys stand for it. Only what was taken may be put
 * right, under a new key, while the server has refused it. */
export interface Said {
  kind: RecordKind;
  vehicle_class: VehicleClass;
  plate: string | null;
  location: LonLat | null;
  accuracy_m: number | null;
  /** Only what the officer chose by hand; else the server finds both by the location. */
  zone: string | null;
  grid_cell: string | null;
  reason: string;
  note: string | null;
  act: Act | null;
  legal_basis: string | null;
  ground: string | null;
  taken: Taken | null;
}

export interface PhotoFacts {
  sha256: string;
  type: string;
  bytes: number;
}

/** A lot near by, as the phone knew it when the act was recorded. */
export interface NearLot {
  id: string;
  name: Text;
  free: number | null;
  distance_m: number;
  observed_at: string | null;
}

/** Where it was, in words, for the slip. */
export interface Where {
  zone: Text | null;
  cell: Text | null;
  unit: Text | null;
}

export interface Fault {
  status: number;
  slug: string;
  detail: string;
  fields: Record<string, string>;
}

/** A matter of city management that was put right. */
export interface MatterDone {
  id: string;
  number: string;
  name: Text;
  note: string;
}

export interface Item {
  /** The number of its slip, and the key its record is sent under. */
  id: string;
  order: number;
  owner: string;
  made_at: string;
  said: Said;
  where: Where;
  near: NearLot[];
  photos: PhotoFacts[];
  state: "waiting" | "refused" | "done";
  /** What the server has of it already. */
  capture: string | null;
  record: { id: string; number: string } | null;
  taken: boolean;
  /** How often what was taken was put right. */
  mended?: number;
  fault: Fault | null;
  /** What was put right, where the item is no record of its own. */
  matter?: MatterDone;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SLIP_CHARS = 15;

/** A new slip's number: `F` and 75 random bits, so that no two phones make the same. */
export function newSlip(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SLIP_CHARS));
  return `F${[...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join("")}`;
}

/** A slip's number for the eye, in fours. */
export function showSlip(id: string): string {
  return id.replace(/(.{4})(?=.)/g, "$1-");
}
