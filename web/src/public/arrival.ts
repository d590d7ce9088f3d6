// How likely a space is found on arrival, for the lots around the reader; asked only once the reader's place is known.
import { effect, signal } from "@preact/signals";
import { distanceM } from "../geo.ts";
import { ask } from "../http.ts";
import type { Lot, LonLat } from "../types.ts";
import { position } from "./store.ts";

export interface Arrival {
  travel_s: number;
  free: number;
  chance: number;
}

/** What is expected on arrival, by lot. */
export const arrivals = signal<ReadonlyMap<string, Arrival>>(new Map());

const EVERY_MS = 60_000;
const RADIUS_M = 20_000;

/** Minutes on the road, for a lot the server has not answered for: 25 km/h, streets a third longer than the bird flies. */
export function roadSeconds(from: LonLat | null, lot: Lot): number {
  return from === null ? 600 : Math.min(7200, Math.round(60 + (distanceM(from, lot.location) * 1.35) / 7));
}

async function refresh([lon, lat]: LonLat): Promise<void> {
  try {
    const path = `/api/v1/lots?near=${lon.toFixed(5)},${lat.toFixed(5)}&radius_m=${RADIUS_M}`;
    const { lots } = await ask<{ lots: { id: string; arrival?: Arrival }[] }>(path);
    arrivals.value = new Map(lots.flatMap(({ id, arrival }) => (arrival === undefined ? [] : [[id, arrival] as const])));
  } catch {
    // The list stands without it; the next round asks again.
  }
}

effect(() => {
  const place = position.value;
  if (place === null) return undefined;
  void refresh(place);
  const timer = setInterval(() => void refresh(place), EVERY_MS);
  return () => clearInterval(timer);
});

/** Tells that the reader is on the way, so that signs count with it: anonymous, and over by itself. A refusal changes nothing. */
export function tellUnderWay(lot: Lot): void {
  const eta_s = arrivals.peek().get(lot.id)?.travel_s ?? roadSeconds(position.peek(), lot);
  void ask(`/api/v1/lots/${encodeURIComponent(lot.id)}/underway`, { method: "POST", json: { eta_s } }).catch(() => undefined);
}
