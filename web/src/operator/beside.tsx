// Beside the sensors: the gateways they are heard through, and the lots whose counters drift.
import { ageWords, secondsSince } from "../age.ts";
import { serverNowMs, tick } from "../clock.ts";
import { lang, t } from "../i18n.ts";
import { counters, list } from "./store.ts";
import type { Counter } from "./types.ts";

function age(instant: string): string {
  const now = Math.max(tick.value, serverNowMs());
  return ageWords(secondsSince(instant, now) ?? 0, lang.value);
}

export function Gateways() {
  const all = [...(list.value?.gateways ?? [])].sort((a, b) => Number(a.online) - Number(b.online) || a.id.localeCompare(b.id));
  return (
    <section class="card">
      <h2>{t("operator.gateways")}</h2>
      {all.length === 0 && <p class="hint">{t("operator.no_gateways")}</p>}
      <ul class="plain-list">
        {all.map((gateway) => (
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
    </section>
  );
}

/** The counters that drift most come first. */
function order(a: Counter, b: Counter): number {
  return Math.abs(b.drift_per_day ?? b.drift ?? 0) - Math.abs(a.drift_per_day ?? a.drift ?? 0) || a.lot.localeCompare(b.lot);
}

const signed = (n: number): string => (n > 0 ? `+${n}` : String(n).replace("-", "−"));

export function Counters() {
  const all = [...counters.value].sort(order).slice(0, 20);
  if (all.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("operator.counters")}</h2>
      <p class="hint">{t("operator.counters_note")}</p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{t("operator.lot")}</th>
              <th scope="col" class="number">
                {t("operator.inside")}
              </th>
              <th scope="col" class="number">
                {t("operator.drift")}
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map((counter) => (
              <tr key={counter.lot} data-counter={counter.lot}>
                <th scope="row">
                  {counter.lot}
                  {counter.anchored_at !== null && <span class="hint"> {t("operator.anchored", { age: age(counter.anchored_at) })}</span>}
                </th>
                <td class="number">{counter.inside === null ? "–" : `${counter.inside} / ${counter.capacity}`}</td>
                <td class="number">{drift(counter)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function drift(counter: Counter): string {
  if (counter.drift_per_day !== null) return t("operator.per_day", { n: signed(Math.round(counter.drift_per_day * 10) / 10) });
  return counter.drift === null ? "–" : signed(counter.drift);
}
