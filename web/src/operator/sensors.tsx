// The list of sensors: what is wrong with each, what to do about it, and when it was last heard.
import { ageWords, durationWords, secondsSince } from "../age.ts";
import { serverNowMs, tick } from "../clock.ts";
import { code, lang, t } from "../i18n.ts";
import { choose, chosen, list, showMore } from "./store.ts";
import type { Sensor, State } from "./types.ts";

const TONES: Record<State, string> = { ill: "bad", notice: "warn", well: "info" };
const MARKS: Record<State, string> = { ill: "✕", notice: "!", well: "✓" };
const STATES: State[] = ["ill", "notice", "well"];

export function Sensors() {
  const told = list.value;
  if (told === null) return null;
  const sick = Object.entries(told.totals.illnesses).sort((a, b) => b[1] - a[1]);
  return (
    <section class="card" aria-labelledby="sensors-heading">
      <h2 id="sensors-heading">{t("operator.sensors")}</h2>
      <div class="chips" role="group" aria-label={t("operator.filter")}>
        <Chip state="" words={t("operator.all")} count={told.totals.sensors} />
        {STATES.map((state) => (
          <Chip key={state} state={state} words={t(`operator.${state}`)} count={told.totals[state]} />
        ))}
        {sick.map(([illness, count]) => (
          <Chip key={illness} state={illness} words={code("illness", illness)} count={count} />
        ))}
      </div>
      {told.sensors.length === 0 && <p class="empty">{t(told.totals.sensors === 0 ? "operator.no_sensors" : "operator.none")}</p>}
      <ul class="sensor-list">
        {told.sensors.map((sensor) => (
          <One key={sensor.id} sensor={sensor} />
        ))}
      </ul>
      <p class="chips">
        {told.next !== null && told.sensors.length < 500 && (
          <button type="button" class="button plain" onClick={showMore}>
            {t("operator.more")}
          </button>
        )}
        <a class="button plain" href={`/api/v1/sensors?format=csv${chosen.value === "" ? "" : `&state=${chosen.value}`}`} download>
          {t("super.csv")}
        </a>
      </p>
    </section>
  );
}

function Chip({ state, words, count }: { state: string; words: string; count: number }) {
  return (
    <button type="button" class="chip" aria-pressed={chosen.value === state} data-choose={state} onClick={() => choose(state)}>
      {words} {count}
    </button>
  );
}

function One({ sensor }: { sensor: Sensor }) {
  const bound = sensor.approach ?? sensor.lot;
  const place = sensor.space === null ? bound : `${bound} / ${sensor.space}`;
  return (
    <li class="sensor" data-sensor={sensor.id} data-state={sensor.state}>
      <div class="sensor-head">
        <p class="sensor-place">{place}</p>
        <span class="tag" data-tone={TONES[sensor.state]}>
          <span aria-hidden="true">{MARKS[sensor.state]}</span> {t(`operator.${sensor.state}`)}
        </span>
      </div>
      <p class="hint sensor-id">
        {sensor.id} · {sensor.codec}
      </p>
      {sensor.illnesses.length > 0 && (
        <ul class="illnesses">
          {sensor.illnesses.map((illness) => (
            <li key={illness} data-illness={illness}>
              <strong>{wrong(illness, sensor)}</strong>
              <span class="remedy">{code("remedy", illness)}</span>
            </li>
          ))}
        </ul>
      )}
      <p class="hint">{facts(sensor).join(" · ")}</p>
    </li>
  );
}

function age(instant: string): string {
  // The tick makes the ages run.
  const now = Math.max(tick.value, serverNowMs());
  return ageWords(secondsSince(instant, now) ?? 0, lang.value);
}

/** What is wrong, with its figure where it has one. */
function wrong(illness: string, sensor: Sensor): string {
  const words = code("illness", illness);
  const figure: Record<string, string | null> = {
    silent: sensor.heartbeat_s === null ? null : t("operator.every", { span: durationWords(sensor.heartbeat_s, lang.value) }),
    battery_low: battery(sensor),
    fault: sensor.fault,
    gateway_down: sensor.gateways.join(", ") || null,
    stuck: sensor.since === null ? null : t("operator.since", { age: age(sensor.since) }),
    clock_skew: sensor.clock_ahead_ms === null ? null : `${Math.round(sensor.clock_ahead_ms / 1000)} s`,
    restarting: sensor.restart === null ? null : sensor.restart.replaceAll("_", " "),
    missed_changes: String(sensor.missed_changes),
    implausible: String(sensor.implausible),
  };
  const told = figure[illness] ?? null;
  return told === null ? words : lang.value === "zh" ? `${words}（${told}）` : `${words} (${told})`;
}

function battery(sensor: Sensor): string | null {
  if (sensor.battery_percent !== null) return `${sensor.battery_percent} %`;
  return sensor.battery_mv === null ? null : `${(sensor.battery_mv / 1000).toFixed(2)} V`;
}

function facts(sensor: Sensor): string[] {
  const known = battery(sensor);
  return [
    sensor.heard_at === null ? t("operator.never") : t("operator.heard", { age: age(sensor.heard_at) }),
    ...(sensor.occupied === null ? [] : [t(sensor.occupied ? "operator.taken" : "operator.free")]),
    ...(known === null ? [] : [t("operator.battery", { level: known })]),
    ...(sensor.temperature_c === null ? [] : [`${sensor.temperature_c} °C`]),
    ...(sensor.duplicates === 0 ? [] : [t("operator.duplicates", { n: sensor.duplicates })]),
    ...(sensor.trustworthy ? [] : [t("operator.not_trusted")]),
  ];
}
