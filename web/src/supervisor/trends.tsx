// Records by day or by week: bars that open their records, and the same as a table.
import { useState } from "preact/hooks";
import { t } from "../i18n.ts";
import type { Statistics } from "../types.ts";
import { Figure, openFigure } from "./drill.tsx";
import { KINDS, spans, type Counts, type Span } from "./spans.ts";

const KIND_OF = { warnings: "warning", corrections: "correction", penalties: "penalty", seizures: "seizure" } as const;

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
