// The bays of lots in view: fetched once per lot when zoomed in, then moved by the live socket. Their outlines stay; only the
// state of those that changed is told to the map, a few times a second.
import type { GeoJSONSource, Map as MapView } from "maplibre-gl";
import { ask } from "../../http.ts";
import { moved, type Shift } from "../../map/datum.ts";
import type { LonLat, Lot, Space, SpaceChange } from "../../types.ts";
import { onBays, watchBays } from "../store.ts";
import { FEW_A_SECOND_MS, Frame } from "./frame.ts";
import { BAY_ZOOM } from "./style.ts";

const MOST_LOTS = 40;
const MARGIN_DEG = 0.003;

type Shown = "free" | "occupied" | "none";

export class Bays {
  private readonly features = new Map<string, GeoJSON.Feature>();
  private readonly states = new Map<string, Shown>();
  private readonly asked = new Set<string>();
  private readonly frame: Frame<Shown>;
  private readonly arrived: Frame<true>;

  constructor(
    private readonly map: MapView,
    private readonly lots: () => Lot[],
    private readonly shift: Shift,
  ) {
    this.frame = new Frame((changed) => {
      for (const [id, state] of changed) this.map.setFeatureState({ source: "bays", id }, { state });
    }, FEW_A_SECOND_MS);
    // Lots whose bays come at once are one new set of outlines.
    this.arrived = new Frame(() => {
      void this.source()?.setData(this.collection());
      this.paint();
    });
    map.on("moveend", () => this.look());
    map.on("style.load", () => this.paint());
    onBays((lot, bays) => this.move(lot, bays));
  }

  /** The outlines of all bays known so far, for a style that is built anew. */
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
      .map((lot) => ({ id: lot.id, at: this.shift(lot.location) }))
      .filter(({ at }) => this.inView(at))
      .sort((a, b) => far(a.at) - far(b.at))
      .slice(0, MOST_LOTS)
      .map(({ id }) => id)
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
        const known = space.outline ?? (space.location === null ? null : ({ type: "Point", coordinates: space.location } as const));
        if (known === null) continue;
        const key = keyOf(lot, space.id);
        this.features.set(key, { type: "Feature", geometry: moved(known, this.shift), properties: { key } });
        this.states.set(key, shownState(space));
      }
      this.arrived.put(lot, true);
    } catch {
      this.asked.delete(lot);
    }
  }

  private move(lot: string, bays: SpaceChange[]): void {
    for (const bay of bays) {
      const [key, state] = [keyOf(lot, bay.id), shownState(bay)];
      if (this.states.get(key) === state || !this.features.has(key)) continue;
      this.states.set(key, state);
      this.frame.put(key, state);
    }
  }

  /** A new style, and outlines set anew, know no states. */
  private paint(): void {
    if (this.source() === undefined) return;
    for (const [id, state] of this.states) this.map.setFeatureState({ source: "bays", id }, { state });
  }

  private source(): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>("bays");
  }
}

function keyOf(lot: string, space: string): string {
  return `${lot}/${space}`;
}

/** Out of service and unknown are both drawn hollow: nothing is promised about them. */
function shownState(space: SpaceChange): Shown {
  return space.out_of_service || space.state === "unknown" ? "none" : space.state;
}
