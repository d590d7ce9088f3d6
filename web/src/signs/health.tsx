// What is wrong with a sign, what to do about it, and how its parts are; for the signs page and the operators'.
import { ageWords, durationWords, secondsSince } from "../age.ts";
import { shownNowMs } from "../clock.ts";
import { code, lang, t } from "../i18n.ts";
import type { Panel, Sign, SignDevice } from "../types.ts";

export const TONES = { ok: "info", failing: "bad", unreachable: "bad", unknown: "none" } as const;
export const MARKS = { ok: "✓", failing: "✕", unreachable: "✕", unknown: "–" } as const;

/** What is wrong and what to do, in words; the device's own words below, as it said them. */
export function Trouble({ sign }: { sign: Sign }) {
  const { state, cause, detail, circuit } = sign.health;
  if (state === "ok") return null;
  if (cause === null && detail === null) return null;
  return (
    <div class="trouble" data-cause={cause ?? ""}>
      {cause !== null && (
        <p>
          <strong>{code("sign_cause", cause)}</strong>
          {circuit !== "closed" && ` · ${t("signs.resting")}`}
        </p>
      )}
      {cause !== null && <p>{code("sign_remedy", cause)}</p>}
      {detail !== null && (
        <p class="said" lang="en">
          {detail}
        </p>
      )}
    </div>
  );
}

/** How the parts of a sign are, as far as it tells. */
export function Parts({ device }: { device: SignDevice }) {
  const seconds = secondsSince(device.examined_at, shownNowMs()) ?? 0;
  const bad = [
    ...device.faults.map((fault) => code("sign_fault", fault.replaceAll(" ", "_"))),
    ...(device.door_open === true && !device.faults.includes("door open") ? [t("signs.door_open")] : []),
    ...((device.failed_pixels ?? 0) > 0 ? [t("signs.pixels", { n: device.failed_pixels ?? 0 })] : []),
  ];
  const well = [
    ...(device.door_open === false ? [t("signs.door_shut")] : []),
    ...(device.failed_pixels === 0 ? [t("signs.pixels_well")] : []),
    ...range("signs.cabinet", device.cabinet_c),
    ...range("signs.housing", device.housing_c),
    ...range("signs.ambient", device.ambient_c),
  ];
  return (
    <p class="parts">
      <span>{t("signs.device")}</span>
      {bad.map((words) => (
        <span key={words} class="part-bad">
          ! {words}
        </span>
      ))}
      {well.map((words) => (
        <span key={words}>{words}</span>
      ))}
      <span class="part-age">{t("signs.examined", { age: ageWords(seconds, lang.value) })}</span>
    </p>
  );
}

function range(word: "signs.cabinet" | "signs.housing" | "signs.ambient", celsius: [number, number] | null): string[] {
  if (celsius === null) return [];
  const [low, high] = celsius;
  return [t(word, { range: low === high ? `${low} °C` : `${low}–${high} °C` })];
}

/** A face's way to the sign, step by step, each with its time. */
export function Steps({ panel }: { panel: Panel }) {
  const wanted = panel.desired === null ? t("signs.step.none") : left(panel.desired_good_for_ms);
  const { sent_at: sent, confirmed_since: since, confirmed_at: seen } = panel;
  const isSent = panel.desired !== null && panel.sent_version === panel.desired.version;
  const isShown = panel.desired !== null && panel.confirmed?.version === panel.desired.version;
  return (
    <ol class="steps" aria-label={t("signs.steps")}>
      <Step word="signs.step.wanted" done={panel.desired !== null} times={[wanted]} />
      <Step word="signs.step.sent" done={isSent} times={[age(sent) ?? t("signs.step.never")]} />
      <Step
        word="signs.step.confirmed"
        done={isShown}
        times={[age(seen) ?? t("signs.step.never"), ...held(since)]}
      />
    </ol>
  );
}

function Step({ word, done, times }: { word: "signs.step.wanted" | "signs.step.sent" | "signs.step.confirmed"; done: boolean; times: string[] }) {
  return (
    <li data-done={done}>
      <span class="step-name">{t(word)}</span>
      {times.map((time) => (
        <span key={time} class="step-time">
          {time}
        </span>
      ))}
    </li>
  );
}

function left(ms: number | null): string {
  if (ms === null) return t("signs.step.lasting");
  return ms <= 0 ? t("signs.step.over") : t("signs.step.left", { left: durationWords(Math.floor(ms / 1000), lang.value) });
}

/** For how long the sign has been seen to show this face. */
function held(since: string | null): string[] {
  const seconds = secondsSince(since, shownNowMs());
  return seconds === null ? [] : [t("signs.step.held", { span: durationWords(seconds, lang.value) })];
}

function age(instant: string | null): string | null {
  const seconds = secondsSince(instant, shownNowMs());
  return seconds === null ? null : ageWords(seconds, lang.value);
}
