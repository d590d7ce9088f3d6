// The live map: base map once, marks moved by the same numbers as the list.
import { effect, untracked, type Signal } from "@preact/signals";
import { Map as MapView, NavigationControl, setWorkerUrl, type GeoJSONSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { baseMap } from "../../base-map.ts";
import { boundsOf } from "../../geo.ts";
import { t, text } from "../../i18n.ts";
import type { LonLat, Lot, Text } from "../../types.ts";
import { sheet } from "../sheet.tsx";
import { allLots, lotSignal, onLots, pinned, position, roster, selected, wantBaseMap } from "../store.ts";
import { Bays } from "./bays.ts";
import { drawHatch, drawMark, MARK_SCALE, markName } from "./marks.ts";
import { PALETTES, type Theme } from "./palette.ts";
import { HATCH, styleFor, type MapData } from "./style.ts";

setWorkerUrl(workerUrl);

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = (): Theme => (dark.matches ? "dark" : "light");

/** Draws the map into `place`; resolves once it stands. */
export async function showMap(place: HTMLElement, zones: Signal<boolean>): Promise<void> {
  await wantBaseMap();
  const bounds = boundsOf(allLots().map((lot) => lot.location));
  let bays: Bays | null = null;
  const data = (): MapData => ({
    base: named(baseMap.peek() ?? EMPTY),
    lots: { type: "FeatureCollection", features: allLots().map(feature) },
    bays: bays?.collection() ?? EMPTY,
    me: me(position.peek()),
  });
  const style = () => styleFor(theme(), data(), zones.peek(), selected.peek());
  const map = new MapView({
    container: place,
    style: style(),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    maxZoom: 20,
    locale: {
      "Map.Title": t("map.label"),
      "NavigationControl.ZoomIn": t("map.zoom_in"),
      "NavigationControl.ZoomOut": t("map.zoom_out"),
    },
    ...(bounds === null ? {} : { bounds, fitBoundsOptions: { padding: roomForCorners(place), maxZoom: 15 } }),
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.setMissingStyleImageResolver((id) => supply(map, id));
  bays = new Bays(map, allLots);
  follow(map, zones, style);
  (place as HTMLElement & { view?: MapView }).view = map;
  await map.once("load");
}

/** The buttons and the legend cover the edges of a small map; lots are kept clear of them. */
function roomForCorners(place: HTMLElement) {
  const small = place.clientWidth < 600;
  return small ? { top: 28, left: 28, right: 64, bottom: 84 } : { top: 48, left: 48, right: 60, bottom: 72 };
}

/** Keeps the map in step with numbers, selection, position, zones, language and theme. */
function follow(map: MapView, zones: Signal<boolean>, style: () => ReturnType<typeof styleFor>): void {
  const source = (id: string) => map.getSource<GeoJSONSource>(id);
  onLots((changed) => {
    const update = changed.map((lot) => ({
      id: lot.id,
      addOrUpdateProperties: Object.entries(properties(lot)).map(([key, value]) => ({ key, value })),
    }));
    void source("lots")?.updateData({ update });
  });
  effect(() => {
    void roster.value;
    void source("lots")?.setData({ type: "FeatureCollection", features: allLots().map(feature) });
  });
  let drawn = baseMap.peek();
  effect(() => {
    const now = baseMap.value;
    if (now !== null && now !== drawn) void source("base")?.setData(named(now));
    drawn = now;
  });
  effect(() => {
    const id = selected.value;
    if (map.getLayer("lot-selected") !== undefined) map.setFilter("lot-selected", ["==", ["get", "id"], id ?? ""]);
    const lot = id === null ? undefined : lotSignal(id)?.peek();
    if (lot !== undefined) map.flyTo({ center: lot.location, zoom: Math.max(map.getZoom(), 16), duration: calm() ? 0 : 700 });
  });
  effect(() => {
    const at = position.value;
    void source("me")?.setData(me(at));
    if (at !== null) map.easeTo({ center: at, zoom: Math.max(map.getZoom(), 14.5), duration: calm() ? 0 : 700 });
  });
  effect(() => {
    const visibility = zones.value ? "visible" : "none";
    for (const layer of ["zone", "zone-edge"]) {
      if (map.getLayer(layer) !== undefined) map.setLayoutProperty(layer, "visibility", visibility);
    }
  });
  let first = true;
  effect(() => {
    // Reading a sentence subscribes to the language.
    map.getCanvas().setAttribute("aria-label", t("map.label"));
    if (!first) map.setStyle(untracked(style), { diff: false });
    first = false;
  });
  dark.addEventListener("change", () => map.setStyle(style(), { diff: false }));
  const marks = ["lot", "lot-dot"];
  map.on("click", marks, (event) => {
    const id = event.features?.[0]?.properties?.id as string | undefined;
    if (id === undefined) return;
    selected.value = pinned.value = id;
    if (sheet.peek() === "map") sheet.value = "half";
    document.querySelector(".sheet-body")?.scrollTo({ top: 0 });
  });
  map.on("mouseenter", marks, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", marks, () => (map.getCanvas().style.cursor = ""));
}

function calm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function supply(map: MapView, id: string): void {
  const image = id.startsWith(HATCH) ? drawHatch(PALETTES[id.split("|")[1] as Theme].zone) : drawMark(id);
  if (image !== null && !map.hasImage(id)) map.addImage(id, image, { pixelRatio: MARK_SCALE });
}

function properties(lot: Lot): Record<string, string | number> {
  const words = { full: t("mark.full"), closed: t("mark.closed") };
  return { id: lot.id, mark: markName(lot, theme(), words), level: lot.level, rank: rank(lot) };
}

/** Where marks have no room for each other, the one a driver can use most is kept. */
function rank(lot: Lot): number {
  return lot.level === "free" || lot.level === "few" ? -lot.free : lot.level === "full" ? 1 : 2;
}

function feature(lot: Lot): GeoJSON.Feature {
  return { type: "Feature", geometry: { type: "Point", coordinates: lot.location }, properties: properties(lot) };
}

function me(at: LonLat | null): GeoJSON.FeatureCollection {
  if (at === null) return EMPTY;
  return { type: "FeatureCollection", features: [{ type: "Feature", geometry: { type: "Point", coordinates: at }, properties: {} }] };
}

/** The base map with each name in the screen's language. */
function named(base: GeoJSON.FeatureCollection): GeoJSON.FeatureCollection {
  return {
    ...base,
    features: base.features.map((f) => ({
      ...f,
      properties: { ...f.properties, shown_name: text(f.properties?.name as Text | null) },
    })),
  };
}
