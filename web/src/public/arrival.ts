// How likely a space is found on arrival, for the lots around the reader's goal, or around the reader.
import { effect } from "@preact/signals";
import { distanceM } from "../geo.ts";
import { ask } from "../http.ts";
import type { Arrival, LonLat, Lot } from "../types.ts";
import { arrivals, goal, position } from "./store.ts";

const EVERY_MS = 60_000;
const RADIUS_M = 20_000;
/** Whoever does not say where he comes from is told of an arrival in ten minutes. */
const UNKNOWN_WAY_S = 600;

/** Seconds on the road: 25 km/h, streets a third longer than the bird flies, and a minute to set out. */
export function roadSeconds(from: LonLat | null, to: LonLat): number {
  return from === null ? UNKNOWN_WAY_S : Math.min(7200, Math.round(60 + (distanceM(from, to) * 1.35) / 7));
}

async function refresh(around: LonLat, arriveInS: number | null): Promise<void> {
  try {
    const [lon, lat] = around;
    const soon = arriveInS === null ? "" : `&arrive_in_s=${arriveInS}`;
    const path = `/api/v1/lots?near=${lon.toFixed(5)},${lat.toFixed(5)}&radius_m=${RADIUS_M}${soon}`;
    const { lots } = await ask<{ lots: { id: string; arrival?: Arrival }[] }>(path);
    arrivals.value = new Map(lots.flatMap(({ id, arrival }) => (arrival === undefined ? [] : [[id, arrival] as const])));
  } catch {
    // The list stands without it; the next round asks again.
  }
}

effect(() => {
  const [from, to] = [position.value, goal.value];
  const around = to?.at ?? from;
  if (around === null) {
    arrivals.value = new Map();
    return undefined;
  }
  const look = (): void => void refresh(around, to === null ? null : roadSeconds(from, to.at));
  look();
  const timer = setInterval(look, EVERY_MS);
  return () => clearInterval(timer);
});

/** Tells that the reader is on the way, so that signs count with it: anonymous, and over by itself. A refusal changes nothing. */
export function tellUnderWay(lot: Lot): void {
  const eta_s = arrivals.peek().get(lot.id)?.travel_s ?? roadSeconds(position.peek(), lot.location);
  void ask(`/api/v1/lots/${encodeURIComponent(lot.id)}/underway`, { method: "POST", json: { eta_s } }).catch(() => undefined);
}
