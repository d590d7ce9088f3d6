// Beside the sensors: the gateways they are heard through, and the lots whose counters drift.
import { ageWords, secondsSince } from "../age.ts";
import { serverNowMs, tick } from "../clock.ts";
import { lang, t } from "../i18n.ts";
import { counters, list } from "./store.ts";
import type { Counter, Gateway } from "./types.ts";

function age(instant: string): string {
  const now = Math.max(tick.value, serverNowMs());
  return ageWords(secondsSince(instant, now) ?? 0, lang.value);
}

/** So many gateways that are gone are shown at once; the others, and those that are there, are folded away. */
const GONE = 8;

export function Gateways() {
  const all = [...(list.value?.gateways ?? [])].sort((a, b) => a.id.localeCompare(b.id));
  const gone = all.filter((gateway) => !gateway.online);
  const there = all.filter((gateway) => gateway.online);
  return (
    <section class="card">
      <h2>{t("operator.gateways")}</h2>
      {all.length === 0 && <p class="hint">{t("operator.no_gateways")}</p>}
      <GatewayList gateways={gone.slice(0, GONE)} />
      <Folded words={t("operator.more_offline", { n: gone.length - GONE })} gateways={gone.slice(GONE)} />
      <Folded words={t("operator.all_online", { n: there.length })} gateways={there} />
    </section>
  );
}

function Folded({ words, gateways }: { words: string; gateways: Gateway[] }) {
  if (gateways.length === 0) return null;
  return (
    <details class="folded">
      <summary>{words}</summary>
      <GatewayList gateways={gateways} />
    </details>
  );
}

function GatewayList({ gateways }: { gateways: Gateway[] }) {
  if (gateways.length === 0) return null;
  return (
    <ul class="plain-list">
      {gateways.map((gateway) => (
        <li key={gateway.id} data-gateway={gateway.id}>
          <div>
            <p>{gateway.id}</p>
            <p class="hint">{t("operator.since", { age: age(gateway.since) })}</p>
          </div>
          <span class="tag" data-tone={gateway.online ? "info" : "bad"}>
            <span aria-hidden="true">{gateway.online ? "✓" : "✕"}</span> {t(gateway.online ? "operator.online" : "operator.offline")}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Counters that told the impossible come first, then those that drift most. */
function order(a: Counter, b: Counter): number {
  const drift = (one: Counter): number => Math.abs(one.drift_per_day ?? one.drift ?? 0);
  return b.quarantined - a.quarantined || drift(b) - drift(a) || a.lot.localeCompare(b.lot);
}

const signed = (n: number): string => (n > 0 ? `+${n}` : String(n).replace("-", "−"));

export function Counters() {
  const all = [...counters.value].sort(order).slice(0, 20);
  if (all.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("operator.counters")}</h2>
      <p class="hint">{t("operator.counters_note")}</p>
      <ul class="plain-list">
        {all.map((counter) => (
          <One key={counter.lot} counter={counter} />
        ))}
      </ul>
    </section>
  );
}

function One({ counter }: { counter: Counter }) {
  const { raw, shown } = counter;
  // What is shown is clamped to what the lot can hold; the difference is what the counters are wrong by at least.
  const isWrong = raw !== null && shown !== null && counter.counted_by === "counters" && raw !== shown;
  return (
    <li class="counter" data-counter={counter.lot}>
      <div class="counter-head">
        <strong>{counter.lot}</strong>
        <span class="counter-inside">{shown === null ? t("operator.no_count") : `${shown} / ${counter.capacity}`}</span>
      </div>
      {counter.anchor !== null && (
        <p class="sum">
          {t("operator.sum", { anchor: counter.anchor, in: counter.in, out: counter.out, raw: raw === null ? "–" : signed(raw).replace("+", "") })}
          {counter.anchored_at !== null && <span class="hint"> {t("operator.anchored", { age: age(counter.anchored_at) })}</span>}
        </p>
      )}
      {isWrong && <p class="warn">{t("operator.clamped", { raw: String(raw).replace("-", "−"), shown })}</p>}
      {counter.quarantined > 0 && <p class="warn">{t("operator.quarantined", { n: counter.quarantined })}</p>}
      <p class="hint">{past(counter).join(" · ")}</p>
    </li>
  );
}

function past(counter: Counter): string[] {
  const reset = counter.last_reset;
  return [
    t("operator.drifts", { n: drift(counter) }),
    ...(reset === null ? [] : [t(reset.by === "operator" ? "operator.set_by_hand" : "operator.set_by_schedule", { n: reset.occupied, age: age(reset.at) })]),
    ...(counter.nightly_reset === null ? [] : [t("operator.nightly", { at: counter.nightly_reset })]),
    ...(counter.manual_corrections === 0 ? [] : [t("operator.corrections", { n: counter.manual_corrections })]),
  ];
}

function drift(counter: Counter): string {
  if (counter.drift_per_day !== null) return t("operator.per_day", { n: signed(Math.round(counter.drift_per_day * 10) / 10) });
  return counter.drift === null ? t("operator.unmeasured") : signed(counter.drift);
}
