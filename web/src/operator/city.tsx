// A city file is uploaded, checked against what is in force, looked at, and confirmed: exactly that file, by its hash.
import { useRef, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { attempt, session } from "../staff.tsx";
import type { Text } from "../types.ts";

interface Counts {
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
}

interface Named {
  kind: string;
  id: string;
  name: Text | null;
}

interface Report {
  sha256: string;
  bytes: number;
  revision: number;
  counts: Record<string, Counts>;
  added: Named[];
  changed: (Named & { keys: string[] })[];
  removed: Named[];
  fault_count: number;
  faults: { feature: string; key: string; reason: string; line: number | null; remedy: string }[];
}

const SHOWN = 40;

export function CityFile() {
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<Report | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<{ fault: boolean; words: string } | null>(null);
  const role = session.value?.role;
  if (role !== "operator" && role !== "admin") return null;

  const check = async (chosen: File | null): Promise<void> => {
    setFile(chosen);
    setReport(null);
    setTold(null);
    if (chosen === null) return;
    setBusy(true);
    const got = await attempt(() => ask<Report>("/api/v1/city/checks", { method: "POST", file: chosen }));
    setBusy(false);
    if ("fault" in got) setTold({ fault: true, words: got.fault });
    else setReport(got.done);
  };
  const apply = async (): Promise<void> => {
    if (file === null || report === null || busy) return;
    setBusy(true);
    const query = `sha256=${report.sha256}&revision=${report.revision}&reason=${encodeURIComponent(reason.trim())}`;
    const got = await attempt(() => ask<{ revision: number }>(`/api/v1/city?${query}`, { method: "POST", file }));
    setBusy(false);
    if ("fault" in got) return setTold({ fault: true, words: got.fault });
    setTold({ fault: false, words: t("city.done", { n: got.done.revision }) });
    setReport(null);
    setFile(null);
    setReason("");
    if (input.current !== null) input.current.value = "";
  };
  const sum = (of: keyof Counts): number => Object.values(report?.counts ?? {}).reduce((all, counts) => all + counts[of], 0);
  const isSame = report !== null && report.fault_count === 0 && sum("added") + sum("changed") + sum("removed") === 0;
  return (
    <section class="card acts city-file" aria-labelledby="city-file">
      <h2 id="city-file">{t("city.heading")}</h2>
      <p class="hint">{t("city.lead")}</p>
      <label class="field">
        <span>{t("city.file")}</span>
        <input ref={input} type="file" name="city-file" accept=".geojson,.json,application/geo+json,application/json" onChange={(event) => void check(event.currentTarget.files?.[0] ?? null)} />
      </label>
      {busy && <p class="hint">{t("city.checking")}</p>}
      {report !== null && (
        <div class="report" data-report={report.sha256} data-faults={report.fault_count}>
          <p class="hint">{t("city.fingerprint", { sha: report.sha256.slice(0, 12), n: report.revision })}</p>
          {report.fault_count > 0 ? <Faults report={report} /> : <Difference report={report} />}
          {isSame && <p class="saved">{t("city.nothing")}</p>}
          {report.fault_count === 0 && !isSame && (
            <>
              {sum("removed") > 0 && <p class="banner">{t("city.removed_warn", { n: sum("removed") })}</p>}
              <label class="field">
                <span>
                  {t("review.reason")} <small>{t("acts.reason_hint")}</small>
                </span>
                <input name="city-reason" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
              </label>
              <button type="button" class="button" data-act="import" disabled={busy || reason.trim() === ""} onClick={() => void apply()}>
                {t("city.confirm")}
              </button>
            </>
          )}
        </div>
      )}
      {told !== null && (
        <p class={told.fault ? "fault" : "saved"} role={told.fault ? "alert" : "status"} data-imported={told.fault ? "fault" : "done"}>
          {told.words}
        </p>
      )}
    </section>
  );
}

function Faults({ report }: { report: Report }) {
  return (
    <>
      <p class="fault">{t("city.faults", { n: report.fault_count })}</p>
      <ol class="fault-list">
        {report.faults.slice(0, SHOWN).map((fault, i) => (
          <li key={i} data-fault={fault.remedy} data-line={fault.line ?? ""}>
            <b>{fault.feature}</b> {fault.line !== null && <span class="tag">{t("city.line", { n: fault.line })}</span>} <code>{fault.key}</code>
            <p>{fault.reason}</p>
            <p class="hint">→ {code("remedy_city", fault.remedy)}</p>
          </li>
        ))}
      </ol>
      {report.fault_count > SHOWN && <p class="hint">{t("city.more", { n: report.fault_count - SHOWN })}</p>}
    </>
  );
}

function Difference({ report }: { report: Report }) {
  const columns = ["added", "changed", "removed", "unchanged"] as const;
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("city.kind")}</th>
            {columns.map((column) => (
              <th key={column} scope="col" class="number">
                {t(`city.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(report.counts).map(([kind, counts]) => (
            <tr key={kind} data-kind={kind}>
              <th scope="row">{code("thing", kind)}</th>
              {columns.map((column) => (
                <td key={column} class="number" data-count={column}>
                  {counts[column]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {(["added", "changed", "removed"] as const).map((list) => {
        const items: (Named & { keys?: string[] })[] = report[list];
        return (
          items.length > 0 && (
            <details key={list} data-list={list}>
              <summary>
                {t(`city.${list}`)} {items.length}
              </summary>
              <ul class="plain-list">
                {items.slice(0, SHOWN).map((item) => (
                  <li key={`${item.kind} ${item.id}`}>
                    <div>
                      <p>
                        {code("thing", item.kind)} <b>{item.id}</b> {item.name !== null && text(item.name)}
                      </p>
                      {item.keys !== undefined && <p class="hint">{t("city.keys", { keys: item.keys.join(", ") })}</p>}
                    </div>
                  </li>
                ))}
              </ul>
              {items.length > SHOWN && <p class="hint">{t("city.more", { n: items.length - SHOWN })}</p>}
            </details>
          )
        );
      })}
    </>
  );
}
