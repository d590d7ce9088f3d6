// Above the list: search, near me, a destination, filters, and the sum of what is listed.
import { computed, signal } from "@preact/signals";
import { baseMap } from "../base-map.ts";
import { t, text } from "../i18n.ts";
import type { Word } from "../dictionary.ts";
import type { Sort, Wishes } from "./choose.ts";
import { costsNothing, total } from "./choose.ts";
import { meant, placesOf, type NamedPlace } from "./places.ts";
import { allLots, goal, listed, lotSignal, place, position, roster, wantBaseMap, wish, wishes } from "./store.ts";

const nearProblem = signal<Word | null>(null);
const locating = signal(false);
/** A delivery van's height, metres. */
const VAN_M = 2.6;

/** Asks the device where it is and sorts by distance. */
function locate(): void {
  if (!window.isSecureContext || !("geolocation" in navigator)) {
    nearProblem.value = "near.insecure";
    return;
  }
  locating.value = true;
  nearProblem.value = null;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      locating.value = false;
      position.value = [coords.longitude, coords.latitude];
      goal.value = null;
      wish({ sort: "near" });
    },
    (error) => {
      locating.value = false;
      nearProblem.value = error.code === error.PERMISSION_DENIED ? "near.denied" : "near.failed";
    },
    { enableHighAccuracy: true, timeout: 8000, maximumAge: 30_000 },
  );
}

export function Toolbar() {
  const now = wishes.value;
  return (
    <div class="toolbar">
      <div class="search">
        <input
          type="search"
          name="q"
          value={now.query}
          placeholder={t("list.search")}
          aria-label={t("list.search")}
          onFocus={() => void wantBaseMap()}
          onInput={(event) => wish({ query: event.currentTarget.value })}
        />
        <button type="button" class="near" aria-pressed={now.sort === "near"} aria-busy={locating.value} onClick={locate}>
          {t(locating.value ? "list.locating" : "list.near")}
        </button>
      </div>
      <Meant query={now.query} />
      <GoalBar />
      <Filters now={now} />
      {nearProblem.value !== null && (
        <p class="hint" role="status">
          {t(nearProblem.value)}
        </p>
      )}
      <Sum />
    </div>
  );
}

const MOST_MEANT = 4;
const places = computed(() => placesOf(baseMap.value, roster.value.length > 0 ? allLots() : []));

/** Sets out for a place: lots are then told by the walk from there and the chance of a space on arrival. */
export function headFor(name: NamedPlace["name"], at: NamedPlace["at"]): void {
  goal.value = { name, at };
  wish({ query: "", sort: "best" });
}

function Meant({ query }: { query: string }) {
  const found = meant(places.value, query, MOST_MEANT);
  if (found.length === 0) return null;
  return (
    <ul class="meant" aria-label={t("goal.choose")}>
      {found.map((one) => (
        <li key={one.id}>
          <button type="button" onClick={() => headFor(one.name, one.at)}>
            <span aria-hidden="true">⚑</span> {t("goal.park_near", { name: text(one.name) })} <small>{t(`goal.${one.kind}`)}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}

function GoalBar() {
  const to = goal.value;
  if (to === null) return null;
  return (
    <p class="goal" data-goal role="status">
      <span>
        <span aria-hidden="true">⚑</span> {t("goal.near", { name: text(to.name) })}
      </span>
      <button type="button" aria-label={t("goal.clear")} title={t("goal.clear")} onClick={leave}>
        <span aria-hidden="true">✕</span>
      </button>
    </p>
  );
}

function leave(): void {
  goal.value = null;
  if (position.peek() === null) wish({ sort: "free" });
}

/** Chips of what no lot of the city has would lead nowhere. */
const priced = computed(() => {
  const lots = roster.value.length > 0 ? allLots() : [];
  return { none: lots.some((lot) => costsNothing(lot.tariff, "none")), start: lots.some((lot) => costsNothing(lot.tariff, "start")) };
});

function Filters({ now }: { now: Wishes }) {
  const toggles: [Word, boolean, Partial<Wishes>][] = [
    ["list.free_now", now.freeNow, { freeNow: !now.freeNow }],
    ["list.marked", now.marked, { marked: !now.marked }],
    ["list.open_now", now.openNow, { openNow: !now.openNow }],
    ["kind.garage", now.kind === "garage", { kind: now.kind === "garage" ? null : "garage" }],
    ["kind.car_park", now.kind === "car_park", { kind: now.kind === "car_park" ? null : "car_park" }],
    ["kind.street", now.kind === "street", { kind: now.kind === "street" ? null : "street" }],
    ["use.charging", now.use === "charging", { use: now.use === "charging" ? null : "charging" }],
    ["use.disabled", now.use === "disabled", { use: now.use === "disabled" ? null : "disabled" }],
    ...(priced.value.none ? [["list.no_charge", now.price === "none", { price: now.price === "none" ? null : "none" }] as [Word, boolean, Partial<Wishes>]] : []),
    ...(priced.value.start ? [["list.free_start", now.price === "start", { price: now.price === "start" ? null : "start" }] as [Word, boolean, Partial<Wishes>]] : []),
    ["vehicle.motor", now.vehicle === "motor", { vehicle: now.vehicle === "motor" ? null : "motor" }],
    ["vehicle.non_motor", now.vehicle === "non_motor", { vehicle: now.vehicle === "non_motor" ? null : "non_motor" }],
    ["list.van", now.heightM !== null, { heightM: now.heightM === null ? VAN_M : null }],
  ];
  return (
    <div class="chips filters" role="group" aria-label={t("list.filters")}>
      {toggles.map(([word, on, change]) => (
        <button key={word} type="button" class="chip small" aria-pressed={on} onClick={() => wish(change)}>
          {t(word)}
        </button>
      ))}
    </div>
  );
}

function Sum() {
  if (roster.value.length === 0) return null;
  const lots = listed.value.flatMap((id) => lotSignal(id)?.value ?? []);
  const { free, capacity, silent } = total(lots);
  return (
    <div class="sum">
      <p>
        <strong>{free}</strong> {t("list.total", { capacity })}
        <span class="sum-rest">
          {t(lots.length === 1 ? "list.counted_one" : "list.counted", { n: lots.length })}
          {silent > 0 && ` · ${t("list.silent", { n: silent })}`}
        </span>
      </p>
      <select
        name="sort"
        aria-label={t("list.sort")}
        value={wishes.value.sort}
        onChange={(event) => wish({ sort: event.currentTarget.value as Sort })}
      >
        <option value="free">{t("list.sort_free")}</option>
        <option value="name">{t("list.sort_name")}</option>
        {place.value !== null && <option value="best">{t("list.sort_best")}</option>}
        {place.value !== null && <option value="near">{t("list.sort_near")}</option>}
      </select>
    </div>
  );
}
