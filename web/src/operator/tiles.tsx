// The figures on top: how many sensors are ill, and what comes in.
import { t } from "../i18n.ts";
import { ailing, lag, list, rate, refused, waiting } from "./store.ts";

/** From here on messages do not count in time for a driver. */
const LATE_S = 5;

export function Tiles() {
  const totals = list.value?.totals;
  if (totals === undefined) return null;
  const perSecond = rate.value === null ? "–" : rate.value >= 10 ? rate.value.toFixed(0) : rate.value.toFixed(1);
  const tiles = [
    ["operator.ill", totals.ill],
    ["operator.notice", totals.notice],
    ["operator.well", totals.well],
    ["operator.rate", perSecond],
    ["operator.lag", lag.value === null ? "–" : lag.value >= 1 ? `${lag.value.toFixed(1)} s` : `${Math.round(lag.value * 1000)} ms`],
    ["operator.refused", refused.value ?? "–"],
    ...(waiting.value === null ? [] : ([["operator.waiting", waiting.value]] as const)),
  ] as const;
  return (
    <>
      {ailing.value.length > 0 && (
        <p class="fault" role="alert">
          {t("operator.ailing", { what: ailing.value.join(" · ") })}
        </p>
      )}
      {lag.value !== null && lag.value >= LATE_S && (
        <p class="fault" role="alert" data-advice="lag">
          {t("operator.late", { n: lag.value.toFixed(1) })}
        </p>
      )}
      {(waiting.value ?? 0) > 0 && (
        <p class="advice" data-advice="letters">
          {t("operator.letters", { n: waiting.value ?? 0 })} <code>yunpark dead-letters list</code> · <code>yunpark dead-letters replay</code>
        </p>
      )}
      <dl class="tiles">
        {tiles.map(([word, value]) => (
          <div key={word} class="card tile" data-tile={word}>
            <dt>{t(word)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
