// Where the officer stands: the phone's position, and the zone, cell and lots it falls to, all without a network.
import { signal } from "@preact/signals";
import { distanceM, isInside, spanOf } from "../../geo.ts";
import type { LonLat, Text, VehicleClass } from "../../types.ts";
import type { NearLot, Where } from "./item.ts";
import { kit, type Cell, type Kit } from "./kit.ts";

export interface Fix {
  at: LonLat;
  accuracyM: number;
  takenMs: number;
}

/** The last position the phone found; null while there is none. */
export const fix = signal<Fix | null>(null);
/** True if the officer, or the phone, does not let the page know where it is. */
export const noFix = signal(false);

/** A position older than this says nothing of an act made now, milliseconds. */
const FIX_HOLDS_MS = 120_000;

/** Follows the phone's position while the page is looked at; gives back the way to stop. */
export function followPosition(): () => void {
  if (!window.isSecureContext || !("geolocation" in navigator)) {
    noFix.value = true;
    return () => undefined;
  }
  const options = { enableHighAccuracy: true, timeout: 20_000, maximumAge: 10_000 };
  const found = ({ coords, timestamp }: GeolocationPosition): void => {
    noFix.value = false;
    fix.value = { at: [coords.longitude, coords.latitude], accuracyM: Math.round(coords.accuracy), takenMs: timestamp };
  };
  const failed = (error: GeolocationPositionError): void => {
    noFix.value = error.code === error.PERMISSION_DENIED;
  };
  let watch: number | null = null;
  const follow = (): void => {
    if (watch !== null) navigator.geolocation.clearWatch(watch);
    watch = document.visibilityState === "visible" ? navigator.geolocation.watchPosition(found, failed, options) : null;
  };
  follow();
  document.addEventListener("visibilitychange", follow);
  return () => {
    document.removeEventListener("visibilitychange", follow);
    if (watch !== null) navigator.geolocation.clearWatch(watch);
  };
}

/** The position if it still tells where the officer stands. */
export function freshFix(): Fix | null {
  const known = fix.value;
  return known !== null && Date.now() - known.takenMs <= FIX_HOLDS_MS ? known : null;
}

export interface Zone {
  id: string;
  name: Text;
  area: GeoJSON.Geometry;
}

export function zonesOf({ map }: Kit): Zone[] {
  return map.features.flatMap(({ properties, geometry }) =>
    properties?.kind === "zone" ? [{ id: String(properties.id), name: (properties.name ?? properties.id) as Text, area: geometry }] : [],
  );
}

/** The smallest of those that hold a point. */
function holding<T extends { area: GeoJSON.Geometry }>(all: T[], at: LonLat): T | undefined {
  return all.filter(({ area }) => isInside(at, area)).sort((a, b) => spanOf(a.area) - spanOf(b.area))[0];
}

export interface Found {
  zone: Zone | undefined;
  cell: Cell | undefined;
}

/** The zone and the cell of a point; those the officer chose by hand go before. */
export function foundAt(at: LonLat | null, chosen: { zone: string; cell: string }): Found {
  const known = kit.value;
  if (known === null) return { zone: undefined, cell: undefined };
  const zones = zonesOf(known);
  const cells = known.field.grid_cells;
  return {
    zone: zones.find(({ id }) => id === chosen.zone) ?? (at === null ? undefined : holding(zones, at)),
    cell: cells.find(({ id }) => id === chosen.cell) ?? (at === null ? undefined : holding(cells, at)),
  };
}

export function whereWords({ zone, cell }: Found): Where {
  return { zone: zone?.name ?? null, cell: cell?.name ?? null, unit: cell?.unit ?? null };
}

const NEAR = 3;

/** The nearest lots for a class of vehicle, with the free places the phone knows and of when. */
export function nearestLots(at: LonLat | null, vehicleClass: VehicleClass): NearLot[] {
  const lots = kit.value?.lots.lots ?? [];
  if (at === null) return [];
  return lots
    .filter((lot) => lot.vehicle_class === vehicleClass)
    .map((lot) => ({
      id: lot.id,
      name: lot.name,
      free: lot.quality === "no_data" ? null : lot.free,
      distance_m: Math.round(distanceM(at, lot.location)),
      observed_at: lot.observed_at,
    }))
    .sort((a, b) => a.distance_m - b.distance_m)
    .slice(0, NEAR);
}
