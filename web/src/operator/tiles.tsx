// The figures on top: how many sensors are ill, and what comes in.
import { t } from "../i18n.ts";
import { ailing, list, rate, refused } from "./store.ts";

export function Tiles() {
  const totals = list.value?.totals;
  if (totals === undefined) return null;
  const perSecond = rate.value === null ? "–" : rate.value >= 10 ? rate.value.toFixed(0) : rate.value.toFixed(1);
  const tiles = [
    ["operator.ill", totals.ill],
    ["operator.notice", totals.notice],
    ["operator.well", totals.well],
    ["operator.rate", perSecond],
    ["operator.refused", refused.value ?? "–"],
  ] as const;
  return (
    <>
      {ailing.value.length > 0 && (
        <p class="fault" role="alert">
          {t("operator.ailing", { what: ailing.value.join(" · ") })}
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
