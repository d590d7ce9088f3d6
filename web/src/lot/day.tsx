// How the day goes at a lot: the chart, what it shows in words, and the same as a table.
import { useEffect, useRef } from "preact/hooks";
import { serverNowMs } from "../clock.ts";
import { htmlLang, t } from "../i18n.ts";
import type { Drawing } from "./chart.ts";
import { curvesOf, hourly, type Curves } from "./curves.ts";
import { city, forecasts, lot, today, typical } from "./store.ts";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function Day() {
  const here = lot.value;
  const numbered = here !== null && (here.level === "free" || here.level === "few" || here.level === "full");
  const now = numbered ? { at: Math.round(serverNowMs() / 1000), free: here.free } : null;
  const curves = curvesOf(today.value, typical.value, forecasts.value.filter((one) => one.method !== "closed"), now);
  if (here === null) return null;
  return (
    <section class="card" aria-labelledby="day-heading">
      <h2 id="day-heading">{t("lot.day")}</h2>
      <p class="hint">{usualWords()}</p>
      {curves === null ? (
        <p class="empty">{t("lot.day_none")}</p>
      ) : (
        <>
          <ul class="chart-legend" aria-hidden="true">
            <li data-line="today">{t("lot.day_today")}</li>
            {typical.value !== null && typical.value.points.length > 0 && <li data-line="usual">{t("lot.day_usual")}</li>}
            {forecasts.value.length > 0 && <li data-line="expected">{t("lot.day_expected")}</li>}
          </ul>
          <Chart curves={curves} capacity={here.capacity} />
          <Table curves={curves} />
        </>
      )}
    </section>
  );
}

function usualWords(): string {
  const usual = typical.value;
  if (usual === null || usual.points.length === 0) return t("lot.usual_none");
  const day = usual.weekday === null ? t(`day.${usual.kind}`) : weekdayName(usual.date);
  return usual.days === 0 ? t("lot.usual_kind", { day }) : t("lot.usual_days", { day, n: usual.days });
}

function weekdayName(date: string): string {
  return new Intl.DateTimeFormat(htmlLang.value, { weekday: "long", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
}

function Chart({ curves, capacity }: { curves: Curves; capacity: number }) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const newest = useRef({ curves, capacity });
  newest.current = { curves, capacity };
  const language = htmlLang.value;
  useEffect(() => {
    let over = false;
    const begin = async (): Promise<void> => {
      const { draw } = await import("./chart.ts");
      if (over || place.current === null) return;
      drawing.current?.destroy();
      const words = { today: t("lot.day_today"), usual: t("lot.day_usual"), expected: t("lot.day_expected") };
      drawing.current = draw(place.current, newest.current.curves, newest.current.capacity, city.peek()?.time_zone ?? "Asia/Shanghai", words);
    };
    const anew = (): void => void begin().catch(() => undefined);
    anew();
    dark.addEventListener("change", anew);
    return () => {
      over = true;
      dark.removeEventListener("change", anew);
      drawing.current?.destroy();
      drawing.current = null;
    };
  }, [language]);
  useEffect(() => drawing.current?.show(curves, capacity), [curves, capacity]);
  return <div ref={place} class="chart" role="img" aria-label={t("lot.day_words")} />;
}

function Table({ curves }: { curves: Curves }) {
  const zone = city.value?.time_zone ?? "Asia/Shanghai";
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (
    <details class="day-table">
      <summary>{t("lot.day_table")}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("lot.day_hour")}</th>
            <th scope="col">{t("lot.day_today")}</th>
            <th scope="col">{t("lot.day_usual")}</th>
          </tr>
        </thead>
        <tbody>
          {hourly(curves).map((row) => (
            <tr key={row.at}>
              <th scope="row">{clock.format(new Date(row.at * 1000))}</th>
              <td>{row.today ?? "–"}</td>
              <td>{row.usual ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
