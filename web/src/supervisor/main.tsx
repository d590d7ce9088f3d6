// The supervisors' page: the numbers of a period, seizures to approve, where it gathers, how the signs are.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dayStart } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { t, text } from "../i18n.ts";
import { learnCity, timeZone } from "../officer/city.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { attempt, Gate, resume, Who } from "../staff.tsx";
import type { Statistics } from "../types.ts";
import { Approvals } from "./approvals.tsx";
import { Drill, Figure, openIncidents, openRecords } from "./drill.tsx";
import { Dues } from "./due.tsx";
import { FunnelCard, HotSpots } from "./hotspots.tsx";
import { Classes, Units } from "./scores.tsx";
import { Signs } from "./signs.tsx";
import { Trends } from "./trends.tsx";

const PERIODS = [1, 7, 30] as const;
const DAY_MS = 86_400_000;

const TILES = [
  ["super.ripe", "incidents_ripe"],
  ["super.open", "incidents_open"],
  ["super.warnings", "warnings"],
  ["super.corrections", "corrections"],
  ["super.penalties", "penalties"],
  ["super.seizures", "seizures"],
] as const;

function periodQuery(days: number): string {
  const from = Date.parse(dayStart(serverNowMs(), timeZone.value)) - (days - 1) * DAY_MS;
  const to = new Date(serverNowMs() + 60_000).toISOString();
  return `from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(to)}`;
}

/** The same period by whole days, so that a report is not asked anew at every tick. */
function dayQuery(days: number): string {
  const from = Date.parse(dayStart(serverNowMs(), timeZone.value)) - (days - 1) * DAY_MS;
  return `from=${encodeURIComponent(new Date(from).toISOString())}`;
}

/** What stands behind a tile. */
function openFigure(field: (typeof TILES)[number][1], title: string, days: number): void {
  if (field === "incidents_ripe") return openIncidents(title, "ripe");
  if (field === "incidents_open") return openIncidents(title, "open");
  const kind = { warnings: "warning", corrections: "correction", penalties: "penalty", seizures: "seizure" }[field];
  openRecords(title, `kind=${kind}&${periodQuery(days)}`);
}

function Overview() {
  const [days, setDays] = useState<number>(7);
  const [numbers, setNumbers] = useState<Statistics | null>(null);
  const [fault, setFault] = useState("");
  const count = async (): Promise<void> => {
    await learnCity();
    const got = await attempt(() => ask<Statistics>(`/api/v1/statistics?${periodQuery(days)}`));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setNumbers(got.done);
  };
  useEffect(() => {
    void count();
    const again = setInterval(() => void count(), 30_000);
    return () => clearInterval(again);
  }, [days]);
  return (
    <>
      <div class="chips" role="group" aria-label={t("super.period")}>
        {PERIODS.map((n) => (
          <button key={n} type="button" class="chip" aria-pressed={days === n} onClick={() => setDays(n)}>
            {n === 1 ? t("super.today") : t("super.days", { n })}
          </button>
        ))}
      </div>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {numbers !== null && (
        <div class="overview" data-statistics>
          <dl class="tiles">
            {TILES.map(([word, field]) => (
              <div key={field} class="card tile" data-tile={field}>
                <dt>{t(word)}</dt>
                <dd>
                  <button type="button" class="figure" aria-label={t("super.open_figure", { what: t(word), n: numbers[field] })} onClick={() => openFigure(field, t(word), days)}>
                    {numbers[field]}
                  </button>
                </dd>
              </div>
            ))}
          </dl>
          <div class="columns">
            <div class="column">
              <Dues />
              <Approvals changed={() => void count()} />
              <Trends numbers={numbers} />
              <ByZone numbers={numbers} query={periodQuery(days)} />
            </div>
            <div class="column">
              <FunnelCard query={dayQuery(days)} />
              <Classes query={dayQuery(days)} />
              <Units query={dayQuery(days)} />
              <Signs />
            </div>
          </div>
          <HotSpots query={dayQuery(days)} />
          <Drill />
          <Exports query={periodQuery(days)} />
        </div>
      )}
    </>
  );
}

function ByZone({ numbers, query }: { numbers: Statistics; query: string }) {
  const most = Math.max(1, ...numbers.by_zone.map((zone) => zone.count));
  return (
    <section class="card">
      <h2>{t("super.by_zone")}</h2>
      {numbers.by_zone.length === 0 && <p class="empty">{t("super.nothing")}</p>}
      <table hidden={numbers.by_zone.length === 0}>
        <thead>
          <tr>
            <th scope="col">{t("super.zone")}</th>
            <th scope="col" class="number">
              {t("super.count")}
            </th>
          </tr>
        </thead>
        <tbody>
          {numbers.by_zone.map((zone) => (
            <tr key={zone.zone ?? ""}>
              <th scope="row">
                {text(zone.name) || (zone.zone ?? t("super.no_zone"))}
                <meter min={0} max={most} value={zone.count} aria-hidden="true" />
              </th>
              <td class="number">
                <Figure n={zone.count} what={text(zone.name)} query={`of=records&zone=${encodeURIComponent(zone.zone ?? "")}&${query}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Exports({ query }: { query: string }) {
  const kinds = ["warning", "correction", "penalty", "seizure"] as const;
  const link = (kind: string): string => `/api/v1/records?${kind}${query}&format=csv`;
  return (
    <section class="exports">
      <h2>{t("super.csv")}</h2>
      <p class="chips">
        <a class="button plain" href={link("")} download>
          {t("super.csv_all")}
        </a>
        {kinds.map((kind) => (
          <a key={kind} class="button plain" href={link(`kind=${kind}&`)} download>
            {t(`kind.${kind}`)}
          </a>
        ))}
      </p>
    </section>
  );
}

function Page() {
  return (
    <>
      <Bar title={t("title.supervisor")}>
        <Who />
      </Bar>
      <main id="main" class="page">
        <Gate roles={["supervisor"]}>
          <Overview />
        </Gate>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.supervisor"));
render(<Page />, document.getElementById("app") as HTMLElement);
void resume();
