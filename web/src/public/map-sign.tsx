// A sign tapped on the map: its panels as it has confirmed them.
import { t, text } from "../i18n.ts";
import { shownSign, signsOnMap } from "./map/layers.ts";

export function MapSign() {
  const sign = signsOnMap.value.find((one) => one.id === shownSign.value);
  if (sign === undefined) return null;
  return (
    <div class="map-sign" role="status" data-map-sign={sign.id}>
      <div class="map-sign-head">
        <strong>{text(sign.name)}</strong>
        <span class="tag" data-tone={sign.health.state === "ok" ? "info" : "bad"}>
          {t(`health.${sign.health.state}`)}
        </span>
        <button type="button" aria-label={t("lot.close")} onClick={() => (shownSign.value = null)}>
          <span aria-hidden="true">✕</span>
        </button>
      </div>
      {sign.panels.map((panel) =>
        panel.confirmed === null ? (
          <p key={panel.id} class="hint">
            {t("signs.unconfirmed")}
          </p>
        ) : (
          <img
            key={panel.id}
            src={`${panel.image}?v=${panel.confirmed.version}`}
            width={panel.width_px}
            height={panel.height_px}
            alt={t("map.sign_shows", { sign: text(sign.name), lines: panel.confirmed.lines.map((line) => `${line.label} ${line.text}`).join("; ") })}
          />
        ),
      )}
      <a href={`/signs#${encodeURIComponent(sign.id)}`}>{t("nav.signs")}</a>
    </div>
  );
}
