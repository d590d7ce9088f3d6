// Where illegal parking gathers, by place and hour, beside what was free near by; and what that says is missing.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { attempt } from "../staff.tsx";
import { Figure } from "./drill.tsx";
import { choose, HotMap } from "./hot-map.tsx";
import { chosen, spots as known, type HotSpot } from "./hot-store.ts";
import { Csv } from "./scores.tsx";

interface Funnel {
  captures: number;
  stays: number;
  ripe: number;
  reviewed: number;
  recorded: number;
  cases: number;
  decided: number;
  served: number;
  closed: number;
}

const TONES = { sign_missing: "bad", sign_unheeded: "warn", bays_missing: "bad", mixed: "none" } as const;
const AT_ONCE = 8;

export function HotSpots({ query }: { query: string }) {
  const [spots, setSpots] = useState<HotSpot[] | null>(null);
  const [all, setAll] = useState(false);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => ask<{ hotspots: HotSpot[] }>(`/api/v1/reports/hotspots?${query}`)).then((got) => {
      setFault("fault" in got ? got.fault : "");
      if ("done" in got) {
        setSpots(got.done.hotspots);
        known.value = got.done.hotspots;
      }
    });
  }, [query]);
  const shown = all ? (spots ?? []) : (spots ?? []).slice(0, AT_ONCE);
  const most = Math.max(1, ...(spots ?? []).flatMap(({ hours }) => hours.map(({ violations }) => violations)));
  return (
    <section class="card hot" data-hotspots={spots?.length ?? ""}>
      <div class="card-head">
        <h2>{t("hot.heading")}</h2>
        <Csv path={`/api/v1/reports/hotspots?${query}&format=csv`} />
      </div>
      <p class="hint">{t("hot.lead")}</p>
      <HotMap />
      {fault !== "" && <p class="fault">{fault}</p>}
      {spots?.length === 0 && <p class="empty">{t("super.nothing")}</p>}
      {spots !== null && spots.length > 0 && (
        <div class="hot-table" tabIndex={0} role="region" aria-label={t("hot.heading")}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("super.zone")}</th>
                <th scope="col" class="number">
                  {t("hot.violations")}
                </th>
                {Array.from({ length: 24 }, (_, hour) => (
                  <th key={hour} scope="col" class="hour">
                    {hour}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((spot) => (
                <tr key={spot.zone} data-spot={spot.zone} data-finding={spot.finding ?? ""} data-chosen={chosen.value === spot.zone}>
                  <th scope="row">
                    <button type="button" class="link" disabled={spot.location === null} onClick={() => choose(spot.zone)}>
                      {text(spot.name)}
                    </button>
                    {spot.finding !== null && (
                      <span class="tag" data-tone={TONES[spot.finding]}>
                        {t(`hot.${spot.finding}`)}
                      </span>
                    )}
                    <small class="hint">
                      {spot.street_class !== null && `${t("review.class", { class: spot.street_class })} · `}
                      {t("hot.with_free", { n: spot.with_free, known: spot.known })}
                    </small>
                  </th>
                  <td class="number">
                    <Figure n={spot.violations} what={text(spot.name)} query={`of=offences&zone=${encodeURIComponent(spot.zone)}&${query}`} />
                  </td>
                  {spot.hours.map((hour, i) => (
                    <td
                      key={i}
                      class="hour"
                      style={{ "--heat": hour.violations === 0 ? "0%" : `${Math.round(18 + (72 * hour.violations) / most)}%` }}
                      title={t("hot.cell", { hour: i, n: hour.violations, free: hour.free === null ? "–" : Math.round(hour.free) })}
                    >
                      {hour.violations > 0 && (
                        <>
                          <Figure n={hour.violations} what={t("hot.cell", { hour: i, n: hour.violations, free: hour.free === null ? "–" : Math.round(hour.free) })} query={`of=offences&zone=${encodeURIComponent(spot.zone)}&hour=${i}&${query}`} />
                          <small>{hour.free === null ? "–" : Math.round(hour.free)}</small>
                        </>
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!all && (spots?.length ?? 0) > AT_ONCE && (
        <button type="button" class="button plain" onClick={() => setAll(true)}>
          {t("due.all", { n: spots?.length ?? 0 })}
        </button>
      )}
    </section>
  );
}

const STAGES = ["captures", "stays", "ripe", "reviewed", "recorded", "cases", "decided", "served", "closed"] as const;

/** From captures to closed cases: where it narrows. */
export function FunnelCard({ query }: { query: string }) {
  const [funnel, setFunnel] = useState<Funnel | null>(null);
  useEffect(() => {
    void attempt(() => ask<{ funnel: Funnel }>(`/api/v1/reports/funnel?${query}`)).then((got) => {
      if ("done" in got) setFunnel(got.done.funnel);
    });
  }, [query]);
  const most = Math.max(1, funnel?.captures ?? 1);
  return (
    <section class="card" data-funnel={funnel === null ? "" : "shown"}>
      <h2>{t("funnel.heading")}</h2>
      {funnel !== null && (
        <table>
          <tbody>
            {STAGES.map((stage) => (
              <tr key={stage}>
                <th scope="row">
                  {code("funnel", stage)}
                  <meter min={0} max={most} value={funnel[stage]} aria-hidden="true" />
                </th>
                <td class="number" data-stage={stage}>
                  <Figure n={funnel[stage]} what={code("funnel", stage)} query={`of=${stage}&${query}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
