// The base map of the city, fetched once for all who need it: the map draws it, lists name streets and zones by it.
import { signal } from "@preact/signals";
import { ask } from "./http.ts";
import { text } from "./i18n.ts";
import type { CityMap, Text } from "./types.ts";

/** Null until it is there. */
export const baseMap = signal<CityMap | null>(null);

let under: Promise<void> | null = null;

/** Fetches it unless it is there or under way; after a failure the next call tries again. */
export function learnBaseMap(): Promise<void> {
  if (baseMap.peek() !== null) return Promise.resolve();
  under ??= ask<CityMap>("/api/v1/map")
    .then((map) => void (baseMap.value = map))
    .finally(() => (under = null));
  return under;
}

export interface Named {
  id: string;
  name: Text;
}

/** The things of one kind with their names, in the order of the map. */
export function namesOf(map: GeoJSON.FeatureCollection | null, kind: "street" | "zone"): Named[] {
  return (map?.features ?? []).flatMap(({ id, properties }) => {
    const own = String(properties?.id ?? id ?? "");
    return properties?.kind === kind && own !== "" ? [{ id: own, name: (properties?.name ?? own) as Text }] : [];
  });
}

/** The name of a street or a zone in the screen's language; null while it is not known. */
export function nameOf(kind: "street" | "zone", id: string): string | null {
  const named = namesOf(baseMap.value, kind).find((one) => one.id === id);
  return named === undefined ? null : text(named.name);
}
