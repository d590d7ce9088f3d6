// Today's records, each with its printable notice.
import { useEffect, useState } from "preact/hooks";
import { dayStart, stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { askAll } from "../http.ts";
import { code, t } from "../i18n.ts";
import { showPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { Course, LedgerRecord } from "../types.ts";
import { learnCity, timeZone } from "./city.ts";
import { RecordDetails, Unfold } from "./timeline.tsx";
import { reasonWords } from "./wording.ts";

const TONES = { warning: "warn", correction: "info", penalty: "bad", seizure: "bad" } as const;

export function Records() {
  const [records, setRecords] = useState<LedgerRecord[] | null>(null);
  const [more, setMore] = useState(false);
  const [fault, setFault] = useState("");
  const fetchAll = async (): Promise<void> => {
    await learnCity();
    const from = encodeURIComponent(dayStart(serverNowMs(), timeZone.value));
    const got = await attempt(() => askAll<LedgerRecord, "records">(`/api/v1/records?from=${from}`, "records"));
    if ("fault" in got) return setFault(got.fault);
    setFault("");
    setMore(got.done.more);
    setRecords([...got.done.items].sort((a, b) => b.ledger_seq - a.ledger_seq));
  };
  useEffect(() => void fetchAll(), []);
  return (
    <section class="records" aria-label={t("tab.records")}>
      <div class="review-head">
        <h2>{records === null ? t("tab.records") : t("records.count", { n: records.length })}</h2>
        <button type="button" class="button plain" onClick={() => void fetchAll()}>
          {t("records.refresh")}
        </button>
      </div>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {more && <p class="banner">{t("records.more", { n: records?.length ?? 0 })}</p>}
      {records?.length === 0 && <p class="empty card">{t("records.none")}</p>}
      <ul class="record-list">
        {records?.map((record) => (
          <li key={record.id} class="card record" data-record={record.id}>
            <div class="record-main">
              <p>
                <span class="tag" data-tone={TONES[record.kind]}>
                  {t(`kind.${record.kind}`)}
                </span>{" "}
                <strong class="plate">{record.plate === null ? t("records.no_plate") : showPlate(record.plate)}</strong>
              </p>
              <p>{reasonWords(record.reason)}</p>
              <p class="hint">
                {stamp(record.at, timeZone.value).slice(11)} · {record.number} · {code("state", record.state)}
              </p>
              <Unfold path={`/api/v1/records/${encodeURIComponent(record.id)}/steps`} show={(course: Course) => <RecordDetails course={course} />} />
            </div>
            <a class="button plain" href={`/api/v1/records/${encodeURIComponent(record.id)}/notice`} target="_blank" rel="noopener">
              {t("records.notice")}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
