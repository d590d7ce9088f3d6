// Figures for everybody: a month's matters by kind and by cell, in sums that point at nobody.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import type { Text } from "../types.ts";

interface Figure {
  id: string;
  name: Text;
  count: number | null;
}

interface Open {
  month: string;
  k: number;
  matters: Figure[];
  by_cell: { what: string; cells: Figure[]; elsewhere: number | null }[];
}

export function Figures() {
  const [month, setMonth] = useState(stamp(new Date(serverNowMs()).toISOString(), timeZone.value).slice(0, 7));
  const [open, setOpen] = useState<Open | null>(null);
  const [fault, setFault] = useState(false);
  const address = `/api/v1/open/city-management?month=${month}`;
  useEffect(() => {
    void ask<Open>(address)
      .then((answer) => {
        setOpen(answer);
        setFault(false);
      })
      .catch(() => setFault(true));
  }, [address]);
  const groups = open?.by_cell.filter(({ cells, elsewhere }) => cells.length > 0 || elsewhere !== null) ?? [];
  return (
    <section class="figures" data-figures={open?.month ?? ""}>
      <p class="lead">{t("report.figures.lead", { k: open?.k ?? 5 })}</p>
      <div class="figures-bar">
        <label class="field">
          <span>{t("report.figures.month")}</span>
          <input type="month" name="month" value={month} onChange={(event) => event.currentTarget.value !== "" && setMonth(event.currentTarget.value)} />
        </label>
        <a class="button plain" href={`${address}&format=csv`} download={`city-management-${month}.csv`}>
          {t("report.figures.csv")}
        </a>
      </div>
      {fault && <p class="fault">{t("fault.network")}</p>}
      {open !== null && open.matters.length === 0 && groups.length === 0 && <p class="empty">{t("report.figures.none")}</p>}
      {open !== null && open.matters.length > 0 && <Table title={t("report.figures.kinds")} rows={open.matters} k={open.k} />}
      {groups.map(({ what, cells, elsewhere }) => (
        <Table
          key={what}
          title={t("report.figures.cells", { what: code("figure", what) })}
          rows={elsewhere === null ? cells : [...cells, { id: "elsewhere", name: t("report.figures.elsewhere"), count: elsewhere }]}
          k={open?.k ?? 5}
        />
      ))}
    </section>
  );
}

function Table({ title, rows, k }: { title: string; rows: Figure[]; k: number }) {
  const most = Math.max(1, ...rows.map(({ count }) => count ?? 0));
  return (
    <section class="card">
      <h2>{title}</h2>
      <table class="bars">
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{text(row.name) || row.id}</th>
              <td class="bar-cell">
                {row.count !== null && <span class="bar-line" style={{ width: `${(row.count / most) * 100}%` }} />}
              </td>
              <td class="number">{row.count ?? t("report.figures.few", { k })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
