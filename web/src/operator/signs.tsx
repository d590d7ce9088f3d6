// The operators' card of signs: those in trouble first, each with what is wrong, what to do, and how far its face has come.
import { durationWords, secondsSince } from "../age.ts";
import { serverNowMs, tick } from "../clock.ts";
import { lang, t, text } from "../i18n.ts";
import { MARKS, Steps, TONES, Trouble } from "../signs/health.tsx";
import type { Sign } from "../types.ts";
import { signs } from "./store.ts";

/** The most signs in trouble that are shown here; the signs' own page has them all. */
const MOST = 12;

/** Whether a sign needs a look: it is ill, or something about its parts is. */
function needsALook(sign: Sign): boolean {
  const device = sign.device;
  const isIll = sign.health.state === "failing" || sign.health.state === "unreachable";
  return isIll || (device !== null && (device.faults.length > 0 || device.door_open === true));
}

export function Signs() {
  const all = signs.value;
  if (all === null) return null;
  const ill = all.filter(needsALook).sort((a, b) => rank(a) - rank(b));
  return (
    <section class="card" aria-labelledby="signs-heading" data-signs={all.length} data-ill={ill.length}>
      <h2 id="signs-heading">{t("operator.signs")}</h2>
      {all.length === 0 ? (
        <p class="hint">{t("operator.signs_none")}</p>
      ) : ill.length === 0 ? (
        <p class="hint">✓ {t("operator.signs_well", { n: all.length })}</p>
      ) : (
        <p class="chips">
          <span class="tag">{t("signs.count", { n: all.length })}</span>
          <span class="tag" data-tone="bad">
            ✕ {t("signs.ill", { n: ill.length })}
          </span>
        </p>
      )}
      <ul class="ill-signs">
        {ill.slice(0, MOST).map((sign) => (
          <One key={sign.id} sign={sign} />
        ))}
      </ul>
      {all.length > 0 && (
        <p class="chips">
          <a class="button plain" href="/signs">
            {t("operator.signs_all")}
          </a>
        </p>
      )}
    </section>
  );
}

function rank(sign: Sign): number {
  return sign.health.state === "unreachable" ? 0 : sign.health.state === "failing" ? 1 : 2;
}

function One({ sign }: { sign: Sign }) {
  const { state, since } = sign.health;
  const seconds = secondsSince(since, Math.max(tick.value, serverNowMs()));
  return (
    <li class="sensor" data-sign={sign.id} data-state={state === "ok" ? "notice" : "ill"}>
      <div class="sensor-head">
        <p class="sensor-place">{text(sign.name)}</p>
        <span class="tag" data-tone={state === "ok" ? "warn" : TONES[state]}>
          <span aria-hidden="true">{state === "ok" ? "!" : MARKS[state]}</span> {t(state === "ok" ? "operator.notice" : `health.${state}`)}
        </span>
      </div>
      <p class="hint sensor-id">
        {sign.id}
        {seconds !== null && state !== "ok" && ` · ${t("signs.since", { span: durationWords(seconds, lang.value) })}`}
      </p>
      <Trouble sign={sign} />
      {state === "ok" && sign.health.detail !== null && <p class="hint">{sign.health.detail}</p>}
      {sign.panels.slice(0, 1).map((panel) => (
        <Steps key={panel.id} panel={panel} />
      ))}
    </li>
  );
}
