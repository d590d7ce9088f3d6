// The documents a record has come to, as pages that print by themselves and as PDF where the server makes it.
import { useState } from "preact/hooks";
import { Problem } from "../http.ts";
import { t } from "../i18n.ts";
import { faultWords } from "../staff.tsx";
import type { LedgerRecord } from "../types.ts";

const PAPERS = ["a4", "80mm", "58mm"] as const;
type Document = "warning" | "parking_notice" | "decision" | "site_record" | "seizure" | "release" | "receipt";

/** Which documents there are of a record as it stands. */
export function documentsOf(record: LedgerRecord): Document[] {
  const at = record.course?.at ?? {};
  const has = (...steps: string[]): boolean => steps.some((step) => step in at);
  const fitting: [boolean, Document][] = [
    [record.kind === "warning" || record.kind === "correction", "warning"],
    [record.kind === "penalty", "parking_notice"],
    [record.kind === "penalty" && has("decide", "decide_on_spot"), "decision"],
    [record.kind === "seizure" && has("taken", "move"), "site_record"],
    [record.kind === "seizure" && has("taken"), "seizure"],
    [record.kind === "seizure" && has("release"), "release"],
    [has("serve"), "receipt"],
  ];
  return fitting.filter(([fits]) => fits).map(([, document]) => document);
}

export function Documents({ record }: { record: LedgerRecord }) {
  const [paper, setPaper] = useState<(typeof PAPERS)[number]>("a4");
  const [fault, setFault] = useState("");
  const documents = documentsOf(record);
  const path = (document: Document): string => `/api/v1/records/${encodeURIComponent(record.id)}/documents/${document}?paper=${paper}`;
  const openPdf = async (document: Document): Promise<void> => {
    try {
      setFault("");
      const answer = await fetch(`${path(document)}&format=pdf`);
      if (!answer.ok) {
        const told = (await answer.json()) as { title?: string; detail?: string; type?: string };
        throw new Problem(answer.status, told.title ?? "", told.detail ?? "", {}, told.type?.split("/").pop() ?? "");
      }
      const url = URL.createObjectURL(await answer.blob());
      const link = Object.assign(window.document.createElement("a"), { href: url, download: `${record.number}-${document}.pdf` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      setFault(faultWords(error));
    }
  };
  return (
    <section class="case-part">
      <h4>{t("case.documents")}</h4>
      {documents.length === 0 && <p class="hint">{t("case.not_yet")}</p>}
      {documents.length > 0 && (
        <div class="chips" role="group" aria-label={t("case.paper")}>
          {PAPERS.map((name) => (
            <button key={name} type="button" class="chip" aria-pressed={paper === name} onClick={() => setPaper(name)}>
              {t(`paper.${name}`)}
            </button>
          ))}
        </div>
      )}
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <ul class="document-list">
        {documents.map((document) => (
          <li key={document} data-document={document}>
            <span>{t(`document.${document}`)}</span>
            <a class="button plain" href={path(document)} target="_blank" rel="noopener">
              {t("case.print")}
            </a>
            <button type="button" class="button plain" onClick={() => void openPdf(document)}>
              PDF
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
