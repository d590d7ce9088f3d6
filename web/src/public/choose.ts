// Which lots a reader wants to see, and in which order.
import { distanceM } from "../geo.ts";
import { initials } from "../pinyin.ts";
import type { LonLat, Lot, Text, VehicleClass } from "../types.ts";

export type Sort = "best" | "near" | "free" | "name";

export interface Wishes {
  query: string;
  sort: Sort;
  freeNow: boolean;
  kind: Lot["kind"] | null;
  use: "disabled" | "charging" | null;
  openNow: boolean;
  /** "none": nothing to pay at all; "start": nothing for a first while, or at some hours. */
  price: "none" | "start" | null;
  /** The height of the reader's vehicle, metres. */
  heightM: number | null;
  vehicle: VehicleClass | null;
  /** Only what the reader has marked. */
  marked: boolean;
}

/** The names of streets by their ids. */
export type Streets = ReadonlyMap<string, Text>;

const NO_STREETS: Streets = new Map();

export const NO_WISHES: Wishes = {
  query: "",
  sort: "free",
  freeNow: false,
  kind: null,
  use: null,
  openNow: false,
  price: null,
  heightM: null,
  vehicle: null,
  marked: false,
};

/** What the choice rests on beside the lots and the wishes. */
export interface Around {
  /** Where the reader is, or wants to go. */
  from: LonLat | null;
  /** The lot that stands first whatever is wished. */
  pinned: string | null;
  streets: Streets;
  marks: ReadonlySet<string>;
  /** How likely a space is found on arrival, 0 to 1, where that is known. */
  chances: ReadonlyMap<string, number>;
}

export const NOTHING_AROUND: Around = { from: null, pinned: null, streets: NO_STREETS, marks: new Set(), chances: new Map() };

/** The ids that meet the wishes, in order; a pinned lot stands first. */
export function chosen(lots: Lot[], wishes: Wishes, { from, pinned, streets, marks, chances }: Around = NOTHING_AROUND): string[] {
  return lots
    .filter((lot) => lot.id === pinned || ((!wishes.marked || marks.has(lot.id)) && meets(lot, wishes, streets)))
    .sort((a, b) => first(pinned, a, b) || order(wishes.sort, from, chances, a, b) || a.id.localeCompare(b.id))
    .map((lot) => lot.id);
}

/** True if the lot meets every wish. */
export function meets(lot: Lot, wishes: Wishes, streets: Streets = NO_STREETS): boolean {
  if (wishes.freeNow && lot.level !== "free" && lot.level !== "few") return false;
  if (wishes.kind !== null && lot.kind !== wishes.kind) return false;
  if (wishes.openNow && (!lot.open || lot.level === "closed")) return false;
  if (wishes.vehicle !== null && lot.vehicle_class !== wishes.vehicle) return false;
  if (wishes.heightM !== null && lot.max_height_m !== null && lot.max_height_m < wishes.heightM) return false;
  if (wishes.price !== null && !costsNothing(lot.tariff, wishes.price)) return false;
  if (wishes.use === "charging" && !((lot.uses.charging ?? 0) > 0 || (lot.uses.ev ?? 0) > 0)) return false;
  if (wishes.use === "disabled" && !((lot.uses.disabled ?? 0) > 0)) return false;
  return words(wishes.query).every((word) => spoken(lot, streets).includes(word));
}

function first(pinned: string | null, a: Lot, b: Lot): number {
  return Number(b.id === pinned) - Number(a.id === pinned);
}

/**
 * What a tariff in words says of paying nothing: that nothing is ever paid, or that something is free. A tariff is never
 * understood further; one that is not told is not taken for free.
 */
export function costsNothing(tariff: Text | null, how: "none" | "start"): boolean {
  if (tariff === null) return false;
  const words = bothNames(tariff).toLowerCase();
  const speaks = /免费|免收|不收费|\bfree\b/.test(words);
  const charges = /\d[\d.]*\s*(元|块|yuan|cny|rmb)|[¥￥]|每小时|an hour|per hour/.test(words);
  return speaks && (how === "start" || !charges);
}

/** Minutes that a vain drive costs: to look for another place, and to walk from there. */
const VAIN_MIN = 12;

/** What parking here costs in minutes: the walk, and what a full lot would cost, as likely as it is. */
export function effortMin(lot: Lot, from: LonLat, chances: ReadonlyMap<string, number>): number {
  const guess: Record<Lot["level"], number> = { free: 0.95, few: 0.7, full: 0.1, no_data: 0.25, closed: 0 };
  const chance = lot.level === "closed" || lot.level === "no_data" ? guess[lot.level] : (chances.get(lot.id) ?? guess[lot.level]);
  return distanceM(from, lot.location) / 80 + (1 - chance) * VAIN_MIN + (lot.level === "closed" ? 1000 : 0);
}

function order(sort: Sort, from: LonLat | null, chances: ReadonlyMap<string, number>, a: Lot, b: Lot): number {
  if (sort === "best" && from !== null) return effortMin(a, from, chances) - effortMin(b, from, chances);
  if (sort === "near" && from !== null) return distanceM(from, a.location) - distanceM(from, b.location);
  if (sort === "name") return nameOf(a.name).localeCompare(nameOf(b.name), "zh-CN");
  return standing(b) - standing(a);
}

/** Free places where they can be had; what is full, closed or silent stands below, in that order. */
function standing(lot: Lot): number {
  switch (lot.level) {
    case "free":
    case "few":
      return lot.free;
    case "full":
      return -1;
    case "closed":
      return -2;
    case "no_data":
      return -3;
  }
}

function nameOf(name: Text): string {
  return typeof name === "string" ? name : (name.zh ?? name.en ?? "");
}

function words(query: string): string[] {
  return query.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
}

function spoken(lot: Lot, streets: Streets): string {
  const street = lot.street === null ? undefined : (streets.get(lot.street) ?? lot.street);
  const names = `${bothNames(lot.name)} ${bothNames(street ?? "")}`;
  return `${lot.id} ${names} ${initials(names)}`.normalize("NFKC").toLowerCase();
}

function bothNames(name: Text): string {
  return typeof name === "string" ? name : `${name.zh ?? ""} ${name.en ?? ""}`;
}

export interface Total {
  free: number;
  capacity: number;
  silent: number;
}

/** The sum over lots that have numbers; e-bike racks are not added to car parks. */
export function total(lots: Lot[]): Total {
  const motor = lots.filter((lot) => lot.vehicle_class === "motor");
  const counted = motor.length > 0 ? motor : lots;
  const sum = { free: 0, capacity: 0, silent: 0 };
  for (const lot of counted) {
    if (lot.level === "no_data") {
      sum.silent += 1;
      continue;
    }
    if (lot.level === "closed") continue;
    sum.free += lot.free;
    sum.capacity += lot.capacity;
  }
  return sum;
}
