// What the officers' and supervisors' pages need of the city: its time zone and its zones.
import { computed, signal } from "@preact/signals";
import { baseMap, learnBaseMap, namesOf } from "../base-map.ts";
import { ask } from "../http.ts";
import { learnServerTime } from "../clock.ts";
import type { LotsAnswer } from "../types.ts";

export const timeZone = signal("Asia/Shanghai");
export const zones = computed(() => namesOf(baseMap.value, "zone"));

let fetched = false;

/** Fetches both once; what cannot be had now is asked again at the next call. */
export async function learnCity(): Promise<void> {
  if (fetched) return;
  try {
    const [lots] = await Promise.all([ask<LotsAnswer>("/api/v1/lots"), learnBaseMap()]);
    learnServerTime(lots.generated_at);
    timeZone.value = lots.city.time_zone;
    fetched = true;
  } catch {
    // The pages go on without: times in the usual zone, places by position alone.
  }
}
