// Which cells a shift walks first, as a map and a list; a tap says that one was walked.
import { useEffect, useState } from "preact/hooks";
import { ageWords } from "../age.ts";
import { shownNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { lang, t, text } from "../i18n.ts";
import { attempt, session } from "../staff.tsx";
import type { Text } from "../types.ts";
import { cellShapes } from "./cells.ts";
import { Ground } from "./ground.tsx";
import { kit } from "./store.ts";

interface Planned {
  cell: string;
  name: Text;
  unit: Text;
  street_class: number;
  last_at: string | null;
  hot: number;
  urgency: number;
}

interface Plan {
  rounds: { hot_days: number };
  cells: Planned[];
}

function tone(urgency: number): number {
  return urgency >= 2 ? 2 : urgency >= 1 ? 1 : 0;
}

export function Patrols() {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [fault, setFault] = useState("");
  const look = async (): Promise<void> => {
    const got = await attempt(() => ask<Plan>("/api/v1/patrols"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setPlan(got.done);
  };
  useEffect(() => void look(), []);
  const walked = async (cell: string): Promise<void> => {
    const got = await attempt(() => ask(`/api/v1/patrols/${encodeURIComponent(cell)}`, { method: "POST" }));
    if ("fault" in got) setFault(got.fault);
    await look();
  };
  const urgency = new Map(plan?.cells.map(({ cell, urgency: now }) => [cell, now]));
  const may = session.value?.role !== "auditor";
  return (
    <section class="patrols" data-patrols={plan?.cells.length ?? ""}>
      <p class="hint">{t("patrol.lead", { days: plan?.rounds.hot_days ?? 7 })}</p>
      {fault !== "" && <p class="fault">{fault}</p>}
      <div class="two">
        <Ground label={t("matters.tab.patrol")} marks={[]} shapes={cellShapes(kit.value?.cells ?? [], (id) => tone(urgency.get(id) ?? 0))} start={null} reach={1_900} />
        <div class="wide card">
          <table>
            <thead>
              <tr>
                <th scope="col">{t("patrol.cell")}</th>
                <th scope="col" class="number">
                  {t("patrol.urgency")}
                </th>
                <th scope="col" class="number">
                  {t("patrol.class")}
                </th>
                <th scope="col" class="number">
                  {t("patrol.hot")}
                </th>
                <th scope="col">{t("patrol.last")}</th>
                {may && (
                  <th scope="col">
                    <span class="hidden">{t("patrol.walked")}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {plan?.cells.map((cell) => (
                <tr key={cell.cell} data-cell={cell.cell}>
                  <th scope="row">
                    {text(cell.name)} <small class="hint">{text(cell.unit)}</small>
                  </th>
                  <td class="number">
                    <span class="tag" data-tone={["good", "warn", "bad"][tone(cell.urgency)]}>
                      {cell.urgency.toFixed(1)}
                    </span>
                  </td>
                  <td class="number">{cell.street_class}</td>
                  <td class="number">{cell.hot}</td>
                  <td>{cell.last_at === null ? t("patrol.never") : ageWords((shownNowMs() - Date.parse(cell.last_at)) / 1000, lang.value)}</td>
                  {may && (
                    <td>
                      <button type="button" class="button plain small" data-walked={cell.cell} onClick={() => void walked(cell.cell)}>
                        {t("patrol.walked")}
                      </button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
