// The bays of lots in view: fetched once per lot when zoomed in, then moved by the live socket.
import type { GeoJSONSource, Map as MapView } from "maplibre-gl";
import { ask } from "../../http.ts";
import type { LonLat, Lot, Space, SpaceChange } from "../../types.ts";
import { onBays, watchBays } from "../store.ts";
import { BAY_ZOOM } from "./style.ts";

const MOST_LOTS = 16;
const MARGIN_DEG = 0.003;

export class Bays {
  private readonly features = new Map<string, GeoJSON.Feature>();
  private readonly asked = new Set<string>();

  constructor(
    private readonly map: MapView,
    private readonly lots: () => Lot[],
  ) {
    map.on("moveend", () => this.look());
    onBays((lot, bays) => this.move(lot, bays));
  }

  /** All bays known so far, for a style that is built anew. */
  collection(): GeoJSON.FeatureCollection {
    return { type: "FeatureCollection", features: [...this.features.values()] };
  }

  /** Fetches and watches the lots in view; none when zoomed out. */
  look(): void {
    if (this.map.getZoom() < BAY_ZOOM) {
      watchBays([]);
      return;
    }
    const centre = this.map.getCenter();
    const far = ([lon, lat]: LonLat): number => Math.hypot(lon - centre.lng, lat - centre.lat);
    const near = this.lots()
      .filter((lot) => this.inView(lot.location))
      .sort((a, b) => far(a.location) - far(b.location))
      .slice(0, MOST_LOTS)
      .map((lot) => lot.id)
      .sort();
    for (const id of near) void this.fetch(id);
    watchBays(near);
  }

  private inView([lon, lat]: LonLat): boolean {
    const box = this.map.getBounds();
    return (
      lon > box.getWest() - MARGIN_DEG &&
      lon < box.getEast() + MARGIN_DEG &&
      lat > box.getSouth() - MARGIN_DEG &&
      lat < box.getNorth() + MARGIN_DEG
    );
  }

  private async fetch(lot: string): Promise<void> {
    if (this.asked.has(lot)) return;
    this.asked.add(lot);
    try {
      const { spaces } = await ask<{ spaces: Space[] }>(`/api/v1/lots/${encodeURIComponent(lot)}/spaces`);
      for (const space of spaces) {
        const geometry: GeoJSON.Geometry | null =
          space.outline ?? (space.location === null ? null : { type: "Point", coordinates: space.location });
        if (geometry === null) continue;
        const key = keyOf(lot, space.id);
        this.features.set(key, { type: "Feature", geometry, properties: { key, state: shownState(space) } });
      }
      this.source()?.setData(this.collection());
    } catch {
      this.asked.delete(lot);
    }
  }

  private move(lot: string, bays: SpaceChange[]): void {
    const update = bays.flatMap((bay) => {
      const feature = this.features.get(keyOf(lot, bay.id));
      const state = shownState(bay);
      if (feature === undefined || feature.properties?.state === state) return [];
      feature.properties = { ...feature.properties, state };
      return [{ id: keyOf(lot, bay.id), addOrUpdateProperties: [{ key: "state", value: state }] }];
    });
    if (update.length > 0) void this.source()?.updateData({ update });
  }

  private source(): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>("bays");
  }
}

function keyOf(lot: string, space: string): string {
  return `${lot}/${space}`;
}

/** Out of service and unknown are both drawn hollow: nothing is promised about them. */
function shownState(space: SpaceChange): "free" | "occupied" | "none" {
  return space.out_of_service || space.state === "unknown" ? "none" : space.state;
}
