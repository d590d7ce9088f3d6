// What the phone knows of the city without a network: map, cells, lots with their last counts, legal bases, colleagues.
import { signal } from "@preact/signals";
import { baseMap } from "../../base-map.ts";
import { clockOffsetMs, learnServerTime, recallClock } from "../../clock.ts";
import { ask } from "../../http.ts";
import { keep, kept } from "../../keep.ts";
import type { LotsAnswer, Text, VehicleClass } from "../../types.ts";
import { timeZone } from "../city.ts";
import type { Act } from "../wording.ts";
import { keepSealed, keptSealed } from "./vault.ts";

export interface Basis {
  text: string;
  vehicle_class: VehicleClass | null;
  grounds: string[];
}

export interface Cell {
  id: string;
  name: Text;
  unit: Text;
  area: GeoJSON.Geometry;
}

interface FieldAnswer {
  now: string;
  grid_cells: Cell[];
  bases: Record<Act, Basis[]>;
  colleagues: string[];
  max_late_s: number;
  documents: { authority: string; address: string; phone: string; review_authority: string; court: string; public_url: string };
}

export interface Kit {
  map: GeoJSON.FeatureCollection;
  field: FieldAnswer;
  lots: LotsAnswer;
}

/** Null until it was learned once on this phone. */
export const kit = signal<Kit | null>(null);
/** True while the last try to reach the server failed. */
export const unreachable = signal(false);

const CLOCK = "clock_offset_ms";

function take(next: Kit): void {
  kit.value = next;
  baseMap.value = next.map;
  timeZone.value = next.lots.city.time_zone;
}

/** Takes what was kept on the phone, so that the page can work at once. */
export async function recallKit(): Promise<void> {
  const offset = kept<number>(CLOCK);
  if (typeof offset === "number") recallClock(offset);
  const known = await keptSealed<Kit>("kit");
  if (known !== null && kit.value === null) take(known);
}

/** Asks the server anew and keeps the answer; without an answer what is known stays. */
export async function learnKit(): Promise<void> {
  try {
    const [map, field, lots] = await Promise.all([
      ask<GeoJSON.FeatureCollection>("/api/v1/map"),
      ask<FieldAnswer>("/api/v1/field"),
      ask<LotsAnswer>("/api/v1/lots"),
    ]);
    learnServerTime(field.now);
    keep(CLOCK, clockOffsetMs());
    unreachable.value = false;
    take({ map, field, lots });
    await keepSealed("kit", { map, field, lots });
  } catch {
    unreachable.value = true;
  }
}

/** Asks for the free places alone; they move, the rest does not. */
export async function learnLots(): Promise<void> {
  const known = kit.peek();
  if (known === null) return learnKit();
  try {
    const lots = await ask<LotsAnswer>("/api/v1/lots");
    learnServerTime(lots.generated_at);
    unreachable.value = false;
    kit.value = { ...known, lots };
    await keepSealed("kit", kit.value);
  } catch {
    unreachable.value = true;
  }
}
