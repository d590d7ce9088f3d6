// A small map of the town as plain SVG: streets, water, cells and marks; it pans, zooms and is tapped, with no WebGL and little data.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { baseMap, learnBaseMap } from "../base-map.ts";
import { t, text } from "../i18n.ts";
import type { LonLat, Text } from "../types.ts";

export interface Mark {
  id: string;
  at: LonLat;
  tone: "info" | "warn" | "bad" | "pin";
  label: string;
}

export interface Shape {
  id: string;
  name: string;
  rings: GeoJSON.Position[][];
  tone: number;
}

interface View {
  middle: LonLat;
  /** Metres from the middle to the nearer edge. */
  reach: number;
}

interface Props {
  label: string;
  marks: Mark[];
  shapes?: Shape[];
  start: LonLat | null;
  reach?: number;
  chosen?: string | null;
  tap?(at: LonLat): void;
  pick?(id: string): void;
  children?: ComponentChildren;
}

const METRES_PER_DEGREE = 111_195;
const NEAREST_M = 60;
const FARTHEST_M = 6_000;
/** A finger that moved less has tapped, pixels. */
const TAP_PX = 6;

export const mapFailed = signal(false);

/** The middle of all that is drawn, while nobody said where to look. */
function middleOf(features: GeoJSON.Feature[]): LonLat | null {
  let [west, south, east, north] = [180, 90, -180, -90];
  const take = (points: unknown): void => {
    if (!Array.isArray(points)) return;
    if (typeof points[0] === "number") {
      const [lon, lat] = points as [number, number];
      [west, south, east, north] = [Math.min(west, lon), Math.min(south, lat), Math.max(east, lon), Math.max(north, lat)];
    } else points.forEach(take);
  };
  for (const { geometry } of features) if ("coordinates" in geometry) take(geometry.coordinates);
  return west > east ? null : [(west + east) / 2, (south + north) / 2];
}

export function Ground({ label, marks, shapes = [], start, reach = 600, chosen, tap, pick, children }: Props) {
  const [view, setView] = useState<View | null>(null);
  const [[wide, high], setSize] = useState<[number, number]>([640, 480]);
  const box = useRef<HTMLDivElement>(null);
  const held = useRef<{ x: number; y: number; from: View; moved: boolean } | null>(null);
  useEffect(() => {
    void learnBaseMap().catch(() => (mapFailed.value = true));
    const measure = (): void => {
      const { width = 0, height = 0 } = box.current?.getBoundingClientRect() ?? {};
      if (width > 0 && height > 0) setSize([width, height]);
    };
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  const features = baseMap.value?.features ?? [];
  useEffect(() => {
    const middle = start ?? middleOf(features);
    if (middle !== null) setView((now) => (now === null || start !== null ? { middle, reach: now?.reach ?? reach } : now));
  }, [start?.[0], start?.[1], features.length > 0]);
  if (view === null) return <div class="ground" ref={box} data-ground="waiting" />;
  const scale = Math.min(wide, high) / 2 / view.reach;
  const perLat = scale * METRES_PER_DEGREE;
  const perLon = perLat * Math.cos((view.middle[1] * Math.PI) / 180);
  const xy = ([lon = 0, lat = 0]: GeoJSON.Position): [number, number] => [wide / 2 + (lon - view.middle[0]) * perLon, high / 2 - (lat - view.middle[1]) * perLat];
  const line = (points: GeoJSON.Position[]): string => points.map((point) => xy(point).map((n) => n.toFixed(1)).join(",")).join(" ");
  const zoom = (by: number): void => setView({ ...view, reach: Math.min(FARTHEST_M, Math.max(NEAREST_M, view.reach * by)) });
  const onScreen = (event: PointerEvent): [number, number] => {
    const { left, top } = (box.current as HTMLDivElement).getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const down = (event: PointerEvent): void => {
    if ((event.target as Element).closest("button, [data-mark]") !== null) return;
    box.current?.setPointerCapture(event.pointerId);
    held.current = { x: event.clientX, y: event.clientY, from: view, moved: false };
  };
  const move = (event: PointerEvent): void => {
    const now = held.current;
    if (now === null) return;
    const [dx, dy] = [event.clientX - now.x, event.clientY - now.y];
    if (Math.hypot(dx, dy) > TAP_PX) now.moved = true;
    if (!now.moved) return;
    const [lon, lat] = now.from.middle;
    setView({ ...view, middle: [lon - dx / perLon, lat + dy / perLat] });
  };
  const up = (event: PointerEvent): void => {
    const now = held.current;
    held.current = null;
    if (now === null || now.moved || tap === undefined) return;
    const [x, y] = onScreen(event);
    tap([view.middle[0] + (x - wide / 2) / perLon, view.middle[1] - (y - high / 2) / perLat]);
  };
  return (
    <div class="ground" ref={box} data-ground="shown" onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (held.current = null)}>
      <svg viewBox={`0 0 ${wide.toFixed(0)} ${high.toFixed(0)}`} style={{ "--street": `${Math.min(13, Math.max(2, 11 * scale)).toFixed(1)}px` }} role="img" aria-label={label}>
        {features.map((feature, i) => (
          <Feature key={i} feature={feature} line={line} />
        ))}
        {shapes.map((shape) =>
          shape.rings.map((ring, j) => (
            <polygon key={`${shape.id}/${j}`} class="g-cell" data-tone={shape.tone} data-on={chosen === shape.id} points={line(ring)}>
              <title>{shape.name}</title>
            </polygon>
          )),
        )}
        {view.reach < 900 && <Names features={features} xy={xy} wide={wide} high={high} />}
        {marks.map((mark) => {
          const [x, y] = xy(mark.at);
          const go = pick === undefined ? {} : { role: "button" as const, tabIndex: 0, onClick: () => pick(mark.id), onKeyDown: (e: KeyboardEvent) => e.key === "Enter" && pick(mark.id) };
          return (
            <g key={mark.id} class="g-mark" data-mark={mark.id} data-tone={mark.tone} data-on={chosen === mark.id} transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`} aria-label={mark.label} {...go}>
              {mark.tone === "pin" ? <path d="M0 0C-4 -14 -17 -19 -17 -34a17 17 0 0 1 34 0C17 -19 4 -14 0 0Z" /> : mark.tone === "bad" ? <rect x="-10" y="-10" width="20" height="20" rx="3" /> : <circle r="10" />}
              {mark.tone === "pin" && <circle class="g-eye" cy="-34" r="6" />}
              <title>{mark.label}</title>
            </g>
          );
        })}
      </svg>
      <div class="g-tools">
        <button type="button" aria-label={t("map.zoom_in")} onClick={() => zoom(0.6)}>
          ＋
        </button>
        <button type="button" aria-label={t("map.zoom_out")} onClick={() => zoom(1.6)}>
          －
        </button>
        {children}
      </div>
    </div>
  );
}

function Feature({ feature, line }: { feature: GeoJSON.Feature; line(points: GeoJSON.Position[]): string }) {
  const { geometry, properties } = feature;
  const kind = properties?.kind === "base" ? String(properties.class) : String(properties?.kind);
  if (geometry.type === "Polygon" || geometry.type === "MultiPolygon") {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return (
      <>
        {polygons.map((rings, i) => (
          <polygon key={i} class={`g-${kind}`} points={line(rings[0] ?? [])} />
        ))}
      </>
    );
  }
  if (geometry.type === "LineString") return <polyline class={`g-${kind}`} data-class={properties?.class} points={line(geometry.coordinates)} />;
  return null;
}

function Names({ features, xy, wide, high }: { features: GeoJSON.Feature[]; xy(point: GeoJSON.Position): [number, number]; wide: number; high: number }) {
  const seen = new Set<string>();
  const placed: { x: number; y: number; name: string }[] = [];
  for (const { geometry, properties } of features) {
    if (properties?.kind !== "street" || geometry.type !== "LineString") continue;
    const name = text(properties.name as Text);
    const at = geometry.coordinates.map(xy).filter(([x, y]) => x > 30 && y > 24 && x < wide - 120 && y < high - 16);
    const middle = at[Math.floor(at.length / 2)];
    if (middle === undefined || seen.has(name) || placed.some(({ x, y }) => Math.abs(x - middle[0]) < 90 && Math.abs(y - middle[1]) < 20)) continue;
    seen.add(name);
    placed.push({ x: middle[0], y: middle[1], name });
  }
  return (
    <>
      {placed.map(({ x, y, name }) => (
        <text key={name} x={x} y={y} class="g-name">
          {name}
        </text>
      ))}
    </>
  );
}
