// The live map: the ground once, marks and bays moved by the same numbers as the list.
import { effect, untracked } from "@preact/signals";
import type { GeoJSONSource, Map as MapView } from "maplibre-gl";
import { baseMap } from "../../base-map.ts";
import { boundsOf } from "../../geo.ts";
import { lang, t } from "../../i18n.ts";
import { ground, named } from "../../map/base.ts";
import { shiftBack, shiftTo, type Shift } from "../../map/datum.ts";
import { markName } from "../../map/marks.ts";
import { supply } from "../../map/pictures.ts";
import { glideMs, onTheme, raise, theme } from "../../map/stage.ts";
import { tilesOf } from "../../map/tiles.ts";
import type { LonLat, Lot } from "../../types.ts";
import { sheet } from "../sheet.tsx";
import { allLots, goal, lotSignal, onLots, pinned, position, roster, selected, wantBaseMap } from "../store.ts";
import { picking, shownSign, signsOnMap, signsShown, zonesShown } from "./layers.ts";
import { Bays } from "./bays.ts";
import { FEW_A_SECOND_MS, Frame } from "./frame.ts";
import { GRADES, styleFor, type MapData } from "./style.ts";

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

/** Draws the map into `place`; resolves once it stands. `tapped` is told of a place the reader chose. */
export async function showMap(place: HTMLElement, tapped: (at: LonLat) => void): Promise<void> {
  await wantBaseMap();
  const base = baseMap.peek()?.base;
  const tiles = await tilesOf(base);
  const shift = shiftTo(tiles === null ? null : base);
  const back = shiftBack(tiles === null ? null : base);
  let bays: Bays | null = null;
  const data = (): MapData => ({
    lots: lotsOf(shift),
    entrances: entrancesOf(shift),
    bays: bays?.collection() ?? EMPTY,
    signs: signsOf(shift),
    me: places(shift),
  });
  const style = () => styleFor(theme(), ground(theme(), baseMap.peek(), tiles, shift, zonesShown.peek()), data(), selected.peek(), words());
  const map = raise({
    place,
    style: style(),
    label: t("map.label"),
    bounds: boundsOf(allLots().map((lot) => shift(lot.location))),
    padding: roomForCorners(place),
    base: tiles === null ? null : base,
  });
  supply(map);
  bays = new Bays(map, allLots, shift);
  follow(map, style, shift);
  answerTaps(map, (at) => tapped(back(at)));
  await map.once("load");
}

/** The buttons and the legend cover the edges of a small map; lots are kept clear of them. */
function roomForCorners(place: HTMLElement) {
  const small = place.clientWidth < 600;
  return small ? { top: 28, left: 28, right: 64, bottom: 84 } : { top: 48, left: 48, right: 60, bottom: 72 };
}

/** Keeps the map in step with numbers, selection, places, layers, language and theme. */
function follow(map: MapView, style: () => ReturnType<typeof styleFor>, shift: Shift): void {
  const source = (id: string) => map.getSource<GeoJSONSource>(id);
  const frame = new Frame<Lot>((changed) => {
    const update = [...changed.values()].map((lot) => ({
      id: lot.id,
      addOrUpdateProperties: Object.entries(properties(lot)).map(([key, value]) => ({ key, value })),
    }));
    void source("lots")?.updateData({ update });
  }, FEW_A_SECOND_MS);
  onLots((changed) => {
    for (const lot of changed) frame.put(lot.id, lot);
  });
  effect(() => {
    void roster.value;
    void source("lots")?.setData(lotsOf(shift));
    void source("entrances")?.setData(entrancesOf(shift));
  });
  let drawn = baseMap.peek();
  effect(() => {
    const now = baseMap.value;
    if (now !== null && now !== drawn) void source("base")?.setData(named(now, shift));
    drawn = now;
  });
  const glide = (at: LonLat, zoom: number): void => {
    map.flyTo({ center: shift(at), zoom: Math.max(map.getZoom(), zoom), duration: glideMs() });
  };
  effect(() => {
    const id = selected.value;
    if (map.getLayer("lot-selected") !== undefined) map.setFilter("lot-selected", ["==", ["get", "id"], id ?? ""]);
    const lot = id === null ? undefined : lotSignal(id)?.peek();
    if (lot !== undefined) glide(lot.location, 16);
  });
  effect(() => {
    const [at, to] = [position.value, goal.value];
    void source("me")?.setData(places(shift));
    if (to !== null) glide(to.at, 14.4);
    else if (at !== null) glide(at, 14.5);
  });
  effect(() => {
    const visibility = zonesShown.value ? "visible" : "none";
    for (const layer of ["zone", "zone-edge"]) {
      if (map.getLayer(layer) !== undefined) map.setLayoutProperty(layer, "visibility", visibility);
    }
  });
  effect(() => {
    void signsOnMap.value;
    void signsShown.value;
    void source("signs")?.setData(signsOf(shift));
  });
  let first = true;
  effect(() => {
    void lang.value;
    map.getCanvas().setAttribute("aria-label", t("map.label"));
    if (!first) map.setStyle(untracked(style), { diff: false });
    first = false;
  });
  onTheme(() => map.setStyle(style(), { diff: false }));
  effect(() => {
    map.getCanvas().style.cursor = picking.value ? "crosshair" : "";
  });
}

const MARKS = ["lot", "lot-dot", "cluster", "sign"];

/** A tap on a mark opens it, on a pile of lots goes nearer; anywhere else it is a destination, if one is to be picked. */
function answerTaps(map: MapView, tapped: (at: LonLat) => void): void {
  map.on("click", (event) => {
    if (picking.peek()) {
      picking.value = false;
      tapped([event.lngLat.lng, event.lngLat.lat]);
      return;
    }
    const layers = MARKS.filter((layer) => map.getLayer(layer) !== undefined);
    const hit = map.queryRenderedFeatures(event.point, { layers })[0];
    if (hit === undefined) return;
    if (hit.layer.id === "sign") shownSign.value = String(hit.properties.id);
    else if (hit.layer.id === "cluster") void nearer(map, hit);
    else open(String(hit.properties.id));
  });
  // A long press, or the other button of a mouse.
  map.on("contextmenu", (event) => tapped([event.lngLat.lng, event.lngLat.lat]));
  map.on("mousemove", (event) => {
    if (picking.peek()) return;
    const layers = MARKS.filter((layer) => map.getLayer(layer) !== undefined);
    map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point, { layers }).length > 0 ? "pointer" : "";
  });
}

async function nearer(map: MapView, pile: GeoJSON.Feature): Promise<void> {
  const zoom = await map.getSource<GeoJSONSource>("lots")?.getClusterExpansionZoom(Number(pile.properties?.cluster_id));
  if (zoom === undefined || pile.geometry.type !== "Point") return;
  map.easeTo({ center: pile.geometry.coordinates as LonLat, zoom: zoom + 0.3, duration: glideMs() });
}

function open(lot: string): void {
  selected.value = pinned.value = lot;
  if (sheet.peek() === "map") sheet.value = "half";
  document.querySelector(".sheet-body")?.scrollTo({ top: 0 });
}

function words() {
  return { full: t("mark.full"), closed: t("mark.closed") };
}

function properties(lot: Lot): Record<string, string | number> {
  const numbered = lot.level === "free" || lot.level === "few";
  return {
    id: lot.id,
    mark: markName(lot, theme(), words()),
    level: lot.level,
    rank: rank(lot),
    grade: GRADES[lot.level],
    shown: numbered ? lot.free : 0,
  };
}

/** Where marks have no room for each other, the one a driver can use most is kept. */
function rank(lot: Lot): number {
  return lot.level === "free" || lot.level === "few" ? -lot.free : lot.level === "full" ? 1 : 2;
}

function point(at: LonLat, shift: Shift, told: Record<string, string | number>): GeoJSON.Feature {
  return { type: "Feature", geometry: { type: "Point", coordinates: shift(at) }, properties: told };
}

function collection(features: GeoJSON.Feature[]): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features };
}

function lotsOf(shift: Shift): GeoJSON.FeatureCollection {
  return collection(allLots().map((lot) => point(lot.location, shift, properties(lot))));
}

function entrancesOf(shift: Shift): GeoJSON.FeatureCollection {
  return collection(allLots().flatMap((lot) => lot.entrances.map((at) => point(at, shift, { lot: lot.id }))));
}

function signsOf(shift: Shift): GeoJSON.FeatureCollection {
  if (!signsShown.peek()) return EMPTY;
  return collection(signsOnMap.peek().map((sign) => point(sign.location, shift, { id: sign.id, health: sign.health.state })));
}

function places(shift: Shift): GeoJSON.FeatureCollection {
  const [at, to] = [position.peek(), goal.peek()];
  return collection([
    ...(at === null ? [] : [point(at, shift, { kind: "me" })]),
    ...(to === null ? [] : [point(to.at, shift, { kind: "goal" })]),
  ]);
}
