// One lot in the list: what is free, how old that is, what it costs, how to get there.
import type { Signal } from "@preact/signals";
import { ageWords, secondsSince } from "../age.ts";
import { nameOf } from "../base-map.ts";
import { shownNowMs } from "../clock.ts";
import { distanceM, distanceWords, walkMinutes } from "../geo.ts";
import { code, lang, t, text } from "../i18n.ts";
import type { Level, Lot } from "../types.ts";
import { navigateTo } from "./navigate.tsx";
import { share, Shared } from "./share.tsx";
import { arrivals, marks, place, selected, toggleMark } from "./store.ts";

export const SYMBOL: Record<Level, string> = { free: "✓", few: "!", full: "✕", closed: "■", no_data: "–" };

export function LotCard({ lot: source }: { lot: Signal<Lot> }) {
  const lot = source.value;
  const name = text(lot.name);
  const numbered = lot.level === "free" || lot.level === "few" || lot.level === "full";
  return (
    <li
      class="lot"
      data-lot={lot.id}
      data-free={lot.free}
      data-level={lot.level}
      data-quality={lot.quality}
      data-selected={selected.value === lot.id}
    >
      <div class="lot-head">
        <div class="lot-title">
          <h2>
            <button type="button" class="lot-name" title={t("lot.on_map", { name })} onClick={() => (selected.value = lot.id)}>
              {name}
            </button>
          </h2>
          <p class="lot-where">
            <span>{t(`kind.${lot.kind}`)}</span>
            {lot.vehicle_class === "non_motor" && <span>{t("vehicle.non_motor")}</span>}
            <Way lot={lot} />
            <a class="details" href={`/lots/${encodeURIComponent(lot.id)}`} aria-label={t("lot.details_of", { name })}>
              {t("lot.details")}
            </a>
          </p>
        </div>
        <p class="lot-free">
          <strong>{numbered ? lot.free : "–"}</strong>
          <span class="hidden"> {t("lot.free")} </span>
          <small>
            <TrendMark lot={lot} /> {t("lot.of", { capacity: lot.capacity })}
          </small>
        </p>
      </div>
      <p class="lot-facts">
        <span class="level" data-level={lot.level}>
          <span aria-hidden="true">{SYMBOL[lot.level]}</span> {t(`level.${lot.level}`)}
        </span>
        <Chance lot={lot} />
        <Facts lot={lot} />
      </p>
      <div class="lot-foot">
        <Age lot={lot} />
        <Shared lot={lot.id} />
        <button
          type="button"
          class="mark"
          aria-pressed={marks.value.has(lot.id)}
          aria-label={t("lot.mark", { name })}
          title={t("lot.mark", { name })}
          onClick={() => toggleMark(lot.id)}
        >
          <span aria-hidden="true">{marks.value.has(lot.id) ? "★" : "☆"}</span>
        </button>
        <button type="button" class="mark" aria-label={t("lot.share_this", { name })} title={t("lot.share_this", { name })} onClick={() => void share(lot.id, name)}>
          <span aria-hidden="true">⤴</span>
        </button>
        <button type="button" class="go" aria-label={t("lot.navigate_to", { name })} onClick={() => navigateTo(lot)}>
          {t("lot.navigate")}
        </button>
      </div>
    </li>
  );
}

/** Which way the free places go; nothing where they stand still or it is not known. */
export function TrendMark({ lot }: { lot: Lot }) {
  if (lot.trend === undefined || lot.trend === "steady" || lot.level === "closed" || lot.level === "no_data") return null;
  const word = t(`trend.${lot.trend}`);
  return (
    <span class="trend" data-trend={lot.trend} title={word}>
      <span aria-hidden="true">{lot.trend === "rising" ? "↗" : "↘"}</span>
      <span class="hidden">{word}</span>
    </span>
  );
}

function Way({ lot }: { lot: Lot }) {
  const street = lot.street === null ? null : nameOf("street", lot.street);
  const from = place.value;
  if (from === null) return street === null || street === text(lot.name) ? null : <span>{street}</span>;
  const metres = distanceM(from, lot.location);
  return (
    <>
      <span>{distanceWords(metres)}</span>
      {metres < 3000 && <span>{t("lot.walk", { n: walkMinutes(metres) })}</span>}
    </>
  );
}

/** A chance in whole percent; nothing that lies ahead is certain. */
export function percent(chance: number): number {
  return Math.min(99, Math.max(1, Math.round(chance * 100)));
}

function Chance({ lot }: { lot: Lot }) {
  const arrival = arrivals.value.get(lot.id);
  if (arrival === undefined || lot.level === "closed" || lot.level === "no_data") return null;
  const minutes = Math.max(1, Math.round(arrival.travel_s / 60));
  return <span class="chance">{t("lot.chance", { n: percent(arrival.chance), minutes })}</span>;
}

export function Facts({ lot, uses = true }: { lot: Lot; uses?: boolean }) {
  const always = lot.opening_hours === null || lot.opening_hours === "24/7";
  return (
    <>
      {lot.tariff !== null && <span class="tariff">{text(lot.tariff)}</span>}
      <span>{always ? t("lot.always") : lot.opening_hours}</span>
      {!always && <span>{t(lot.open ? "lot.open" : "lot.shut")}</span>}
      {lot.entrances.length > 1 && <span>{t("lot.entrance_count", { n: lot.entrances.length })}</span>}
      {lot.max_height_m !== null && <span>{t("lot.height", { m: lot.max_height_m })}</span>}
      {Object.entries(lot.uses).map(([use, n]) =>
        uses && n > 0 ? <span key={use}>{t("lot.use", { use: code("use", use), n })}</span> : null,
      )}
      {lot.unknown > 0 && lot.level !== "no_data" && <span>{t("lot.unknown", { n: lot.unknown })}</span>}
    </>
  );
}

export function Age({ lot }: { lot: Lot }) {
  const seconds = secondsSince(lot.observed_at, shownNowMs());
  if (seconds === null) return <span class="age">{t("lot.never")}</span>;
  const age = ageWords(seconds, lang.value);
  const old = lot.quality !== "live";
  return (
    <span class="age" data-old={old}>
      {t(old ? "lot.stale" : "lot.age", { age })}
    </span>
  );
}
