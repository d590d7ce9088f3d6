// Records by day or by week: bars that open their records, and the same as a table.
import { useState } from "preact/hooks";
import { t } from "../i18n.ts";
import type { Statistics } from "../types.ts";
import { Figure, openFigure } from "./drill.tsx";

const KINDS = ["warnings", "corrections", "penalties", "seizures"] as const;
const KIND_OF = { warnings: "warning", corrections: "correction", penalties: "penalty", seizures: "seizure" } as const;

type Counts = Record<(typeof KINDS)[number], number>;

export interface Span extends Counts {
  /** First and last day. */
  from: string;
  to: string;
}

const DAY_MS = 86_400_000;
const ahead = (day: string, by: number): string => new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

/** The Monday of a day's week. */
export function monday(day: string): string {
  return ahead(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
}

/** Days summed up to weeks, or left as they are; days without records between the first and the last are there with none. */
export function spans(days: (Counts & { day: string })[], weekly: boolean): Span[] {
  const sums = new Map<string, Span>();
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  if (first === undefined || last === undefined) return [];
  for (let day = first; day <= last; day = ahead(day, 1)) {
    const from = weekly ? monday(day) : day;
    if (!sums.has(from)) sums.set(from, { from, to: weekly ? ahead(from, 6) : from, warnings: 0, corrections: 0, penalties: 0, seizures: 0 });
  }
  for (const one of days) {
    const sum = sums.get(weekly ? monday(one.day) : one.day);
    if (sum !== undefined) for (const kind of KINDS) sum[kind] += one[kind];
  }
  return [...sums.values()];
}

export function Trends({ numbers }: { numbers: Statistics }) {
  const [weekly, setWeekly] = useState(false);
  const all = spans(numbers.by_day as (Counts & { day: string })[], weekly);
  const total = (span: Span): number => KINDS.reduce((sum, kind) => sum + span[kind], 0);
  const most = Math.max(1, ...all.map(total));
  const name = (span: Span): string => (weekly ? `${span.from.slice(5)} – ${span.to.slice(5)}` : span.from.slice(5));
  const query = (span: Span, kind?: string): string => `of=records&from=${span.from}&to=${span.to}${kind === undefined ? "" : `&kind=${kind}`}`;
  return (
    <section class="card" data-trend={weekly ? "week" : "day"}>
      <div class="card-head">
        <h2>{t("trend.heading")}</h2>
        <div class="chips" role="group" aria-label={t("trend.by")}>
          {[false, true].map((by) => (
            <button key={String(by)} type="button" class="chip" data-by={by ? "week" : "day"} aria-pressed={weekly === by} onClick={() => setWeekly(by)}>
              {t(by ? "trend.week" : "trend.day")}
            </button>
          ))}
        </div>
      </div>
      {all.length === 0 && <p class="empty">{t("super.nothing")}</p>}
      {all.length > 0 && (
        <>
          <ul class="bars" aria-hidden="true">
            {all.map((span) => (
              <li key={span.from} title={`${name(span)}: ${total(span)}`} onClick={() => openFigure(name(span), query(span))}>
                <span class="bar-stack">
                  {KINDS.map((kind) => span[kind] > 0 && <i key={kind} data-kind={kind} style={{ height: `${(100 * span[kind]) / most}%` }} />)}
                </span>
              </li>
            ))}
          </ul>
          <p class="hint legend" aria-hidden="true">
            {KINDS.map((kind) => (
              <span key={kind}>
                <i class="key" data-kind={kind} /> {t(`super.${kind}`)}{" "}
              </span>
            ))}
          </p>
          <div class="scroll trend-table" tabIndex={0} role="region" aria-label={t("trend.heading")}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t(weekly ? "trend.week" : "super.day")}</th>
                  {KINDS.map((kind) => (
                    <th key={kind} scope="col" class="number">
                      {t(`super.${kind}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {[...all].reverse().map((span) => (
                  <tr key={span.from} data-span={span.from}>
                    <th scope="row">{name(span)}</th>
                    {KINDS.map((kind) => (
                      <td key={kind} class="number">
                        <Figure n={span[kind]} what={`${name(span)} ${t(`super.${kind}`)}`} query={query(span, KIND_OF[kind])} />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}
