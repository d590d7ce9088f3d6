// Scores of a month with their formula, and the same as a report on paper.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt } from "../staff.tsx";
import type { Text } from "../types.ts";

const RATES = ["on_time", "verified_first_time", "not_reopened", "satisfaction"] as const;
type Rate = (typeof RATES)[number];

interface Line {
  id: string;
  name: Text;
  closed: number;
  rates: Record<Rate | "score", number | null>;
}

interface Month {
  month: string;
  weights: Record<Rate, number>;
  cells: Line[];
  units: Line[];
  people: Line[];
  sources: Line[];
  street_classes: Line[];
}

const GROUPS = ["units", "cells", "people", "sources", "street_classes"] as const;

export function Scores() {
  const [month, setMonth] = useState(stamp(new Date(serverNowMs()).toISOString(), timeZone.value).slice(0, 7));
  const [scores, setScores] = useState<Month | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => ask<Month>(`/api/v1/matters/scores?month=${month}`)).then((got) => {
      setFault("fault" in got ? got.fault : "");
      if ("done" in got) setScores(got.done);
    });
  }, [month]);
  const total = scores === null ? 0 : RATES.reduce((sum, rate) => sum + scores.weights[rate], 0);
  return (
    <section class="scores" data-scores={scores?.month ?? ""}>
      <p class="print-title">{t("scores.report", { month, city: "" })}</p>
      <div class="figures-bar no-print">
        <label class="field">
          <span>{t("scores.month")}</span>
          <input type="month" name="month" value={month} onChange={(event) => event.currentTarget.value !== "" && setMonth(event.currentTarget.value)} />
        </label>
        <a class="button plain" href={`/api/v1/matters/scores?month=${month}&format=csv`} download={`scores-${month}.csv`}>
          {t("scores.csv")}
        </a>
        <button type="button" class="button plain" onClick={() => print()}>
          {t("scores.print")}
        </button>
      </div>
      {fault !== "" && <p class="fault">{fault}</p>}
      {scores !== null && (
        <>
          <p class="hint formula">
            {t("scores.formula")}{" "}
            {RATES.map((rate) => `${t(`scores.${rate}`)} ${total > 0 ? Math.round((scores.weights[rate] / total) * 100) : 0}%`).join(" · ")}
          </p>
          {scores.units.length === 0 && scores.cells.length === 0 && <p class="empty">{t("scores.none")}</p>}
          {GROUPS.map((group) => scores[group].length > 0 && <Group key={group} title={t(`scores.${group}`)} lines={scores[group]} group={group} />)}
        </>
      )}
    </section>
  );
}

function nameOf(group: string, line: Line): string {
  if (group === "sources") return code("source", line.id);
  if (group === "street_classes") return t("matters.class", { n: line.id });
  return text(line.name);
}

function Group({ title, lines, group }: { title: string; lines: Line[]; group: string }) {
  const percent = (rate: number | null): string => (rate === null ? "—" : `${Math.round(rate * 100)}%`);
  return (
    <section class="card score-group">
      <h2>{title}</h2>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col" class="score-col">
                {t("scores.score")}
              </th>
              <th scope="col" class="number">
                {t("scores.closed")}
              </th>
              {RATES.map((rate) => (
                <th key={rate} scope="col" class="number">
                  {t(`scores.${rate}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={line.id} data-score={line.id}>
                <th scope="row">{nameOf(group, line)}</th>
                <td class="score-col">
                  <div class="score-cell">
                    <span class="score-bar" aria-hidden="true">
                      <span style={{ width: `${line.rates.score ?? 0}%` }} />
                    </span>
                    <strong>{line.rates.score === null ? "—" : line.rates.score.toFixed(1)}</strong>
                  </div>
                </td>
                <td class="number">{line.closed}</td>
                {RATES.map((rate) => (
                  <td key={rate} class="number">
                    {percent(line.rates[rate])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
