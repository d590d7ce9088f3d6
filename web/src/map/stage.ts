// A map on a page: made quiet and readable, its words and its theme kept in step.
import { AttributionControl, Map as MapView, NavigationControl, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import "./stage.css";
import { t } from "../i18n.ts";
import type { TileBase } from "../types.ts";
import type { Theme } from "./palette.ts";

setWorkerUrl(workerUrl);

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The theme the device has now. */
export function theme(): Theme {
  return dark.matches ? "dark" : "light";
}

/** Tells when day becomes night on the screen. */
export function onTheme(listener: () => void): void {
  dark.addEventListener("change", listener);
}

/** How long a movement of the map may take. */
export function glideMs(): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 700;
}

export interface Stage {
  place: HTMLElement;
  style: StyleSpecification;
  label: string;
  bounds: [number, number, number, number] | null;
  padding: number | { top: number; right: number; bottom: number; left: number };
  base: TileBase | null | undefined;
}

/** A map of the bounds; with the attribution of its base map, if that has one. */
export function raise({ place, style, label, bounds, padding, base }: Stage): MapView {
  const map = new MapView({
    container: place,
    style,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    maxZoom: 20,
    // Numbers that fade in keep the map drawing for a third of a second after each change.
    fadeDuration: 0,
    locale: {
      "Map.Title": label,
      "NavigationControl.ZoomIn": t("map.zoom_in"),
      "NavigationControl.ZoomOut": t("map.zoom_out"),
      "AttributionControl.ToggleAttribution": t("map.attribution"),
    },
    ...(bounds === null ? {} : { bounds, fitBoundsOptions: { padding, maxZoom: 15 } }),
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  if (base !== null && base !== undefined) map.addControl(new AttributionControl({ compact: false }), "bottom-right");
  (place as HTMLElement & { view?: MapView }).view = map;
  return map;
}
