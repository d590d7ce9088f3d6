// What is overdue, and what soon will be: the most pressing first, each with its article and its record.
import { useEffect, useState } from "preact/hooks";
import { ageWords, durationWords, stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { code, lang, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { showPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { Due as Deadline, LedgerRecord } from "../types.ts";
import { openRecord } from "./drill.tsx";

interface DueView {
  record: LedgerRecord;
  dues: Deadline[];
  is_overdue: boolean;
}

const AHEAD = [0, 3, 7, 30] as const;
const EVERY_MS = 60_000;
const AT_ONCE = 8;

export function Dues() {
  const [days, setDays] = useState<number>(7);
  const [list, setList] = useState<{ overdue: number; due: DueView[] } | null>(null);
  const [all, setAll] = useState(false);
  const [fault, setFault] = useState("");
  useEffect(() => {
    const look = async (): Promise<void> => {
      const got = await attempt(() => ask<{ overdue: number; due: DueView[] }>(`/api/v1/reports/due?days=${days}`));
      setFault("fault" in got ? got.fault : "");
      if ("done" in got) setList(got.done);
    };
    void look();
    const again = setInterval(() => void look(), EVERY_MS);
    return () => clearInterval(again);
  }, [days]);
  const shown = all ? (list?.due ?? []) : (list?.due ?? []).slice(0, AT_ONCE);
  return (
    <section class="card" data-dues={list?.due.length ?? ""} data-overdue={list?.overdue ?? ""}>
      <div class="card-head">
        <h2>{t("due.heading")}</h2>
        {list !== null && list.overdue > 0 && (
          <span class="tag" data-tone="bad">
            ! {t("due.overdue_n", { n: list.overdue })}
          </span>
        )}
      </div>
      <div class="chips" role="group" aria-label={t("due.ahead")}>
        {AHEAD.map((n) => (
          <button key={n} type="button" class="chip" aria-pressed={days === n} onClick={() => setDays(n)}>
            {n === 0 ? t("due.overdue") : t("due.within", { n })}
          </button>
        ))}
      </div>
      {fault !== "" && <p class="fault">{fault}</p>}
      {list?.due.length === 0 && <p class="empty">{t("due.none")}</p>}
      <ul class="due-list">
        {shown.map(({ record, dues, is_overdue }) => (
          <li key={record.id} data-due={record.id}>
            <button type="button" class="link" onClick={() => openRecord(record.id)}>
              {record.number}
            </button>{" "}
            <span class="plate">{record.plate === null ? t("records.no_plate") : showPlate(record.plate)}</span>{" "}
            <span class="tag">{code("state", record.state)}</span>
            {dues[0] !== undefined && <Term due={dues[0]} isOver={is_overdue} />}
          </li>
        ))}
      </ul>
      {!all && (list?.due.length ?? 0) > AT_ONCE && (
        <button type="button" class="button plain" onClick={() => setAll(true)}>
          {t("due.all", { n: list?.due.length ?? 0 })}
        </button>
      )}
    </section>
  );
}

function Term({ due, isOver }: { due: Deadline; isOver: boolean }) {
  const seconds = (Date.parse(due.by) - serverNowMs()) / 1000;
  const how = isOver ? t("due.since", { age: ageWords(-seconds, lang.value) }) : t("due.left", { span: durationWords(seconds, lang.value) });
  return (
    <p class="hint">
      <span class="tag" data-tone={isOver ? "bad" : "warn"}>
        {isOver ? "!" : "◷"} {code("due", due.what)} · {how}
      </span>{" "}
      {stamp(due.by, timeZone.value).slice(0, 16)} · {due.basis}
      {!due.is_ours && ` · ${t("due.theirs")}`}
      {!due.is_certain && ` · ${t("due.uncertain")}`}
    </p>
  );
}
