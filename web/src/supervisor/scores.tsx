// How streets of each class keep the rules, and what each unit recorded: counts that open what they count.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { t } from "../i18n.ts";
import { attempt } from "../staff.tsx";
import { Figure } from "./drill.tsx";

interface ClassScore {
  class: number | null;
  zones: number;
  stays: number;
  in_time: number;
  offences: number;
  recorded: number;
}

interface UnitScore {
  unit: string | null;
  people: number;
  warnings: number;
  corrections: number;
  penalties: number;
  seizures: number;
  records: number;
  overdue: number;
}

const percent = (part: number, whole: number): string => (whole === 0 ? "–" : `${Math.round((100 * part) / whole)}%`);

/** A report of a path, asked again when the path changes. */
function useReport<T>(path: string): [T | null, string] {
  const [report, setReport] = useState<T | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => ask<T>(path)).then((got) => {
      setFault("fault" in got ? got.fault : "");
      if ("done" in got) setReport(got.done);
    });
  }, [path]);
  return [report, fault];
}

export function Csv({ path }: { path: string }) {
  return (
    <a class="csv" href={path} download>
      CSV
    </a>
  );
}

export function Classes({ query }: { query: string }) {
  const [report, fault] = useReport<{ classes: ClassScore[] }>(`/api/v1/reports/classes?${query}`);
  return (
    <section class="card" data-classes={report?.classes.length ?? ""}>
      <div class="card-head">
        <h2>{t("score.classes")}</h2>
        <Csv path={`/api/v1/reports/classes?${query}&format=csv`} />
      </div>
      <p class="hint">{t("score.classes_lead")}</p>
      {fault !== "" && <p class="fault">{fault}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("score.classes")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("score.class")}</th>
              <th scope="col" class="number">
                {t("funnel.stays")}
              </th>
              <th scope="col" class="number">
                {t("score.in_time")}
              </th>
              <th scope="col" class="number">
                {t("funnel.ripe")}
              </th>
              <th scope="col" class="number">
                {t("score.kept")}
              </th>
            </tr>
          </thead>
          <tbody>
            {(report?.classes ?? []).map((one) => {
              const name = one.class === null ? t("score.no_class") : t("review.class", { class: one.class });
              const narrowed = one.class === null ? null : `class=${one.class}&${query}`;
              const cell = (of: string, count: number, word: string) => <Figure n={count} what={`${name} ${word}`} query={narrowed === null ? null : `of=${of}&${narrowed}`} />;
              return (
                <tr key={one.class} data-class={one.class}>
                  <th scope="row">
                    {name}
                    <small class="hint">{t("score.zones", { n: one.zones })}</small>
                    <meter min={0} max={Math.max(1, one.stays)} value={one.in_time} aria-hidden="true" />
                  </th>
                  <td class="number">{cell("stays", one.stays, t("funnel.stays"))}</td>
                  <td class="number">{cell("in_time", one.in_time, t("score.in_time"))}</td>
                  <td class="number">{cell("ripe", one.offences, t("funnel.ripe"))}</td>
                  <td class="number">{percent(one.in_time, one.in_time + one.offences)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const KINDS = [
  ["warnings", "warning"],
  ["corrections", "correction"],
  ["penalties", "penalty"],
  ["seizures", "seizure"],
] as const;

export function Units({ query }: { query: string }) {
  const [report, fault] = useReport<{ units: UnitScore[] }>(`/api/v1/reports/units?${query}`);
  return (
    <section class="card" data-units={report?.units.length ?? ""}>
      <div class="card-head">
        <h2>{t("score.units")}</h2>
        <Csv path={`/api/v1/reports/units?${query}&format=csv`} />
      </div>
      <p class="hint">{t("score.units_lead")}</p>
      {fault !== "" && <p class="fault">{fault}</p>}
      {report?.units.length === 0 && <p class="empty">{t("super.nothing")}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("score.units")} hidden={(report?.units.length ?? 0) === 0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("score.unit")}</th>
              {KINDS.map(([field]) => (
                <th key={field} scope="col" class="number">
                  {t(`super.${field}`)}
                </th>
              ))}
              <th scope="col" class="number">
                {t("due.overdue_short")}
              </th>
              <th scope="col" class="number">
                {t("score.on_time")}
              </th>
            </tr>
          </thead>
          <tbody>
            {(report?.units ?? []).map((one) => {
              const name = one.unit ?? t("score.no_unit");
              const narrowed = `unit=${encodeURIComponent(one.unit ?? "")}&${query}`;
              return (
                <tr key={one.unit} data-unit={one.unit ?? ""}>
                  <th scope="row">
                    {name}
                    <small class="hint">{t("score.people", { n: one.people })}</small>
                  </th>
                  {KINDS.map(([field, kind]) => (
                    <td key={field} class="number">
                      <Figure n={one[field]} what={`${name} ${t(`super.${field}`)}`} query={`of=records&kind=${kind}&${narrowed}`} />
                    </td>
                  ))}
                  <td class="number">
                    <Figure n={one.overdue} what={`${name} ${t("due.overdue_short")}`} query={`of=overdue&${narrowed}`} />
                  </td>
                  <td class="number">{percent(one.records - one.overdue, one.records)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
