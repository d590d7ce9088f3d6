// Where the act is: by the phone's position, to be put right on a small map or by name.
import { useState } from "preact/hooks";
import { distanceM } from "../../geo.ts";
import { t, text } from "../../i18n.ts";
import type { LonLat, Text } from "../../types.ts";
import { change, type Draft } from "./draft.ts";
import { kit } from "./kit.ts";
import { fix, foundAt, freshFix, noFix, zonesOf, type Found } from "./where.ts";

/** A place in words: zone, else how near the position is. */
export function placeWords({ zone, cell }: Found, at: LonLat | null): string {
  const names = [zone?.name, cell?.name].flatMap((name) => (name === undefined ? [] : text(name)));
  if (names.length > 0) return names.join(" · ");
  return at === null ? t("field.no_place") : t("field.no_zone");
}

export function PlaceField({ now }: { now: Draft }) {
  const [open, setOpen] = useState(false);
  const known = freshFix();
  const at = now.location ?? known?.at ?? null;
  const found = foundAt(at, now);
  const how = now.location !== null ? t("field.by_hand") : known !== null ? t("field.by_gps", { m: known.accuracyM }) : "";
  return (
    <fieldset class="field">
      <legend>{t("street.place")}</legend>
      <div class="place">
        <span data-place>
          {placeWords(found, at)}
          {how !== "" && <small class="hint"> {how}</small>}
        </span>
        <button type="button" class="button plain" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t(open ? "field.place_done" : "field.place_mend")}
        </button>
      </div>
      {open && <Mend now={now} at={at} found={found} />}
    </fieldset>
  );
}

function Mend({ now, at, found }: { now: Draft; at: LonLat | null; found: Found }) {
  const known = kit.value;
  if (known === null) return <p class="hint">{t("field.no_kit")}</p>;
  const zones = zonesOf(known);
  return (
    <div class="mend-place">
      <SmallMap at={at} pick={(location) => change({ location, zone: "", cell: "" })} />
      <p class="hint">{t("field.map_hint")}</p>
      <Names label={t("street.zone")} name="zone" none={t("street.zone_none")} all={zones} chosen={found.zone?.id ?? ""} pick={(zone) => change({ zone })} />
      <Names
        label={t("field.cell")}
        name="cell"
        none={t("field.cell_none")}
        all={known.field.grid_cells}
        chosen={found.cell?.id ?? ""}
        pick={(cell) => change({ cell })}
      />
      <button
        type="button"
        class="button plain"
        disabled={fix.value === null || noFix.value}
        onClick={() => change({ location: null, zone: "", cell: "" })}
      >
        {t("street.locate")}
      </button>
      {now.location !== null && <p class="hint">{t("street.located", { lat: now.location[1].toFixed(5), lon: now.location[0].toFixed(5), m: "–" })}</p>}
    </div>
  );
}

interface NamesProps {
  label: string;
  name: string;
  none: string;
  all: { id: string; name: Text }[];
  chosen: string;
  pick(id: string): void;
}

function Names({ label, name, none, all, chosen, pick }: NamesProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name} value={chosen} onChange={(event) => pick(event.currentTarget.value)}>
        <option value="">{none}</option>
        {all.map((one) => (
          <option key={one.id} value={one.id}>
            {text(one.name)}
          </option>
        ))}
      </select>
    </label>
  );
}

const SIDE = 320;
const REACH_M = 260;

/** Streets and zones around a point; a tap says where it was. All that it shows can be chosen by name below it too. */
function SmallMap({ at, pick }: { at: LonLat | null; pick(at: LonLat): void }) {
  const known = kit.value;
  const first = known?.lots.lots[0]?.location ?? null;
  // The map stays where it was opened, so that taps do not move it under the finger.
  const [middle] = useState<LonLat | null>(at ?? first);
  if (known === null || middle === null) return null;
  const perLat = SIDE / (2 * REACH_M) / (1 / distanceM(middle, [middle[0], middle[1] + 1]));
  const perLon = perLat * Math.cos((middle[1] * Math.PI) / 180);
  const xy = ([lon = 0, lat = 0]: GeoJSON.Position): [number, number] => [SIDE / 2 + (lon - middle[0]) * perLon, SIDE / 2 - (lat - middle[1]) * perLat];
  const line = (points: GeoJSON.Position[]): string => points.map((point) => xy(point).map((n) => n.toFixed(1)).join(",")).join(" ");
  const tap = (event: MouseEvent): void => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * SIDE;
    const y = ((event.clientY - box.top) / box.height) * SIDE;
    pick([middle[0] + (x - SIDE / 2) / perLon, middle[1] - (y - SIDE / 2) / perLat]);
  };
  const mark = at === null ? null : xy(at);
  return (
    <svg class="small-map" viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={t("field.map_label")} onClick={tap}>
      {known.map.features.map(({ geometry, properties }, i) => {
        if (properties?.kind === "zone" && (geometry.type === "Polygon" || geometry.type === "MultiPolygon")) {
          const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
          return polygons.map((rings, j) => <polygon key={`${i}/${j}`} class="map-zone" points={line(rings[0] ?? [])} />);
        }
        if (properties?.kind === "street" && geometry.type === "LineString") {
          return <polyline key={i} class="map-street" points={line(geometry.coordinates)} />;
        }
        return null;
      })}
      {known.map.features.map(({ geometry, properties }, i) => {
        if (properties?.kind !== "street" || geometry.type !== "LineString") return null;
        const seen = geometry.coordinates.map(xy).filter(([x, y]) => x > 20 && y > 20 && x < SIDE - 60 && y < SIDE - 10)[0];
        return (
          seen !== undefined && (
            <text key={i} x={seen[0]} y={seen[1]} class="map-name">
              {text(properties.name as Text)}
            </text>
          )
        );
      })}
      {mark !== null && <circle class="map-mark" cx={mark[0]} cy={mark[1]} r="8" />}
    </svg>
  );
}
