// Where illegal parking gathers, as the table and the map both show it: which hour is looked at, and which place.
import { signal } from "@preact/signals";
import type { LonLat, Text } from "../types.ts";

interface Hour {
  violations: number;
  free: number | null;
}

export interface NearBy {
  lot: string;
  name: Text;
  location: LonLat | null;
  distance_m: number;
  free: number | null;
  hours: (number | null)[];
}

export interface HotSpot {
  zone: string;
  name: Text;
  street_class: number | null;
  location: LonLat | null;
  violations: number;
  known: number;
  with_free: number;
  hours: Hour[];
  finding: "sign_missing" | "sign_unheeded" | "bays_missing" | "mixed" | null;
  lots: NearBy[];
}

export const spots = signal<HotSpot[]>([]);
/** The hour that is looked at; null is the whole day. */
export const hour = signal<number | null>(null);
/** The zone that is looked at; empty is none. */
export const chosen = signal("");

/** How many offences a place had at an hour. */
export function violationsAt(spot: HotSpot, at: number | null): number {
  return at === null ? spot.violations : (spot.hours[at]?.violations ?? 0);
}

/** What a lot had free at an hour, on average; null where nobody knew. */
export function freeAt(lot: NearBy, at: number | null): number | null {
  return at === null ? lot.free : (lot.hours[at] ?? null);
}
