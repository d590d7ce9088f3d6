// What the officers' and supervisors' pages need of the city: its time zone and its zones.
import { signal } from "@preact/signals";
import { ask } from "../http.ts";
import { learnServerTime } from "../clock.ts";
import type { LotsAnswer, Text } from "../types.ts";

export const timeZone = signal("Asia/Shanghai");
export const zones = signal<{ id: string; name: Text }[]>([]);

let fetched = false;

/** Fetches both once; what cannot be had now is asked again at the next call. */
export async function learnCity(): Promise<void> {
  if (fetched) return;
  try {
    const [lots, map] = await Promise.all([
      ask<LotsAnswer>("/api/v1/lots"),
      ask<GeoJSON.FeatureCollection>("/api/v1/map"),
    ]);
    learnServerTime(lots.generated_at);
    timeZone.value = lots.city.time_zone;
    zones.value = map.features
      .filter((feature) => feature.properties?.kind === "zone")
      .map((feature) => ({
        id: String(feature.properties?.id ?? feature.id ?? ""),
        name: (feature.properties?.name ?? feature.properties?.id ?? "") as Text,
      }))
      .filter((zone) => zone.id !== "");
    fetched = true;
  } catch {
    // The pages go on without: times in the usual zone, places by position alone.
  }
}
