// What stands behind a figure: its records as a list, each opened to its evidence, steps and deadlines.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask, askAll, type Listed } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { RecordDetails } from "../officer/timeline.tsx";
import { reasonWords } from "../officer/wording.ts";
import { showPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { Course, Incident, LedgerRecord } from "../types.ts";

type Behind = { title: string; figure: string } | { title: string; records: string } | { title: string; incidents: string } | { title: string; record: string };

const behind = signal<Behind | null>(null);

/** Opens the records of a query of `/api/v1/records`. */
export const openRecords = (title: string, query: string): void => void (behind.value = { title, records: query });
/** Opens the incidents of a state. */
export const openIncidents = (title: string, state: string): void => void (behind.value = { title, incidents: state });
/** Opens what a figure counts: a query of `/api/v1/reports/behind`. */
export const openFigure = (title: string, query: string): void => void (behind.value = { title, figure: query });
/** Opens one record. */
export const openRecord = (id: string): void => void (behind.value = { title: "", record: id });

export function Drill() {
  const dialog = useRef<HTMLDialogElement>(null);
  const now = behind.value;
  useEffect(() => {
    if (now !== null && dialog.current?.open === false) dialog.current.showModal();
  }, [now]);
  if (now === null) return null;
  return (
    <dialog ref={dialog} class="drill" aria-label={now.title || t("super.record")} onClose={() => (behind.value = null)}>
      <div class="card-head">
        <h2>{now.title}</h2>
        <button type="button" class="button plain" onClick={() => dialog.current?.close()}>
          {t("lot.close")}
        </button>
      </div>
      {"figure" in now && <Counted query={now.figure} />}
      {"record" in now && <One id={now.record} />}
      {"records" in now && <Records query={now.records} />}
      {"incidents" in now && <Incidents state={now.incidents} />}
    </dialog>
  );
}

function One({ id }: { id: string }) {
  const [course, setCourse] = useState<Course | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => ask<Course>(`/api/v1/records/${encodeURIComponent(id)}/steps`)).then((got) =>
      "done" in got ? setCourse(got.done) : setFault(got.fault),
    );
  }, [id]);
  if (fault !== "") return <p class="fault">{fault}</p>;
  if (course === null) return <p class="empty">…</p>;
  const { record } = course;
  return (
    <div data-record={record.id}>
      <h3>
        {record.number} · {t(`kind.${record.kind}`)} · {record.plate === null ? t("records.no_plate") : showPlate(record.plate)}
      </h3>
      <p class="hint">
        {stamp(record.at, timeZone.value)} · {reasonWords(record.reason)} · {code("state", record.state)}
      </p>
      <RecordDetails course={course} />
    </div>
  );
}

/** What a path lists under a name, a row each, and how many there are. */
function Items<T, K extends string>({ path, of, row }: { path: string; of: K; row: (item: T) => JSX.Element }) {
  const [list, setList] = useState<Listed<T> | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => askAll<T, K>(path, of)).then((got) => ("done" in got ? setList(got.done) : setFault(got.fault)));
  }, [path]);
  if (fault !== "") return <p class="fault">{fault}</p>;
  return (
    <>
      <p class="hint" data-behind={list?.items.length ?? ""}>
        {list !== null && t("super.behind", { n: list.items.length })}
      </p>
      <ul class="due-list">{list?.items.map(row)}</ul>
    </>
  );
}

/** A count that opens what it counts; none opens nothing. */
export function Figure({ n, what, query }: { n: number; what: string; query: string | null }) {
  if (n === 0 || query === null) return <span class="none">{n}</span>;
  return (
    <button type="button" class="figure small" data-figure={query.split("&")[0]} aria-label={t("super.open_figure", { what, n })} onClick={() => openFigure(what, query)}>
      {n}
    </button>
  );
}

interface Shown {
  count: number;
  incidents: Incident[];
  records: LedgerRecord[];
  captures: { id: string; at: string; plate: string | null; zone: string | null }[];
}

/** The stays, captures or records a figure counts. */
function Counted({ query }: { query: string }) {
  const [shown, setShown] = useState<Shown | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    setShown(null);
    void attempt(() => ask<Shown>(`/api/v1/reports/behind?${query}`)).then((got) => ("done" in got ? setShown(got.done) : setFault(got.fault)));
  }, [query]);
  if (fault !== "") return <p class="fault">{fault}</p>;
  const told = shown === null ? 0 : shown.incidents.length + shown.records.length + shown.captures.length;
  return (
    <>
      <p class="hint" data-behind={shown?.count ?? ""} data-told={told}>
        {shown !== null && (told < shown.count ? t("super.newest", { n: shown.count, told }) : t("super.behind", { n: shown.count }))}
      </p>
      <ul class="due-list">
        {shown?.records.map(recordRow)}
        {shown?.incidents.map(incidentRow)}
        {shown?.captures.map((capture) => (
          <li key={capture.id}>
            <span class="plate">{capture.plate === null ? t("review.plate_unread") : showPlate(capture.plate)}</span> · {stamp(capture.at, timeZone.value)}
          </li>
        ))}
      </ul>
    </>
  );
}

function recordRow(record: LedgerRecord): JSX.Element {
  return (
    <li key={record.id}>
      <button type="button" class="link" onClick={() => openRecord(record.id)}>
        {record.number}
      </button>{" "}
      <span class="plate">{record.plate === null ? t("records.no_plate") : showPlate(record.plate)}</span> · {stamp(record.at, timeZone.value).slice(0, 16)} ·{" "}
      {reasonWords(record.reason)} · {code("state", record.state)}
    </li>
  );
}

function Records({ query }: { query: string }) {
  return <Items path={`/api/v1/records?${query}`} of="records" row={recordRow} />;
}

function incidentRow(incident: Incident): JSX.Element {
  const record = incident.record;
  return (
    <li key={incident.id}>
      <span class="plate">{incident.plate === null ? t("review.plate_unread") : showPlate(incident.plate)}</span> · {text(incident.zone.name)} ·{" "}
      {stamp(incident.first_seen, timeZone.value).slice(0, 16)}
      {record !== null && (
        <>
          {" · "}
          <button type="button" class="link" onClick={() => openRecord(record)}>
            {t("super.record")}
          </button>
        </>
      )}
    </li>
  );
}

function Incidents({ state }: { state: string }) {
  return <Items path={`/api/v1/incidents?state=${state}`} of="incidents" row={incidentRow} />;
}
