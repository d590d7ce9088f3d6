// A plate's history: each thing that happened, with its evidence and what followed; printed and exported by those who may.
import { useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { nameOf } from "../base-map.ts";
import { CaseDesk } from "../case/desk.tsx";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { showPlate } from "../plate.ts";
import { attempt, session } from "../staff.tsx";
import type { Course, EvidenceImage, HistoryEntry, Incident, PlateHistory } from "../types.ts";
import { timeZone } from "./city.ts";
import { Evidence } from "./evidence.tsx";
import { PriorWords } from "./prior.tsx";

const TONES: Record<string, string> = { warning: "warn", penalty: "bad", seizure: "bad", correction: "info" };
const EXPORTERS = ["supervisor", "auditor"];

export function Timeline({ history, purpose }: { history: PlateHistory; purpose: string }) {
  const entries = [...history.entries].sort((a, b) => b.at.localeCompare(a.at));
  const me = session.value;
  const csv = `/api/v1/plates/${encodeURIComponent(history.plate)}/history?purpose=${encodeURIComponent(purpose)}&format=csv`;
  return (
    <article class="card" data-history={history.plate}>
      <header class="incident-head">
        <h2 class="plate">{showPlate(history.plate)}</h2>
        <PriorWords prior={history.prior} />
        <div class="history-acts">
          <button type="button" class="button plain" onClick={() => window.print()}>
            {t("plates.print")}
          </button>
          {EXPORTERS.includes(me?.role ?? "") && (
            <a class="button plain" href={csv} download>
              {t("super.csv")}
            </a>
          )}
        </div>
      </header>
      <p class="hint" data-audited={history.ledger_seq}>
        {t("plates.audited_as", { n: history.ledger_seq ?? "–", purpose })}
      </p>
      <p class="print-mark">{t("plates.print_mark", { name: me?.name ?? "", at: stamp(new Date(serverNowMs()).toISOString(), timeZone.value), purpose })}</p>
      {entries.length === 0 && <p class="empty">{t("plates.none")}</p>}
      <ol class="timeline">
        {entries.map((entry) => (
          <Entry key={`${entry.kind}/${entry.id}`} entry={entry} />
        ))}
      </ol>
    </article>
  );
}

function Entry({ entry }: { entry: HistoryEntry }) {
  const isRecord = entry.kind !== "capture" && entry.kind !== "incident";
  const words = [
    entry.state === null ? "" : code("state", entry.state),
    entry.zone === null ? "" : (nameOf("zone", entry.zone) ?? entry.zone),
    entry.ledger_seq === null ? "" : t("plates.seq", { n: entry.ledger_seq }),
  ];
  return (
    <li data-entry={entry.kind}>
      <time dateTime={entry.at}>{stamp(entry.at, timeZone.value)}</time>
      <p>
        <span class="tag" data-tone={TONES[entry.kind] ?? "none"}>
          {t(`kind.${entry.kind}`)}
        </span>{" "}
        {text(entry.summary) !== t(`kind.${entry.kind}`) && text(entry.summary)}
      </p>
      <p class="hint">{words.filter(Boolean).join(" · ")}</p>
      {isRecord && <Unfold path={`/api/v1/records/${encodeURIComponent(entry.id)}/steps`} show={(course: Course) => <RecordDetails course={course} />} />}
      {entry.kind === "incident" && (
        <Unfold
          path={`/api/v1/incidents/${encodeURIComponent(entry.id)}`}
          show={(incident: Incident) => <Pictures images={incident.captures.flatMap(({ images }) => images)} />}
        />
      )}
    </li>
  );
}

/** What is only asked for when somebody wants to see it: evidence is not looked at in passing. */
export function Unfold<T>({ path, show }: { path: string; show(told: T): preact.ComponentChild }) {
  const [told, setTold] = useState<T | null>(null);
  const [fault, setFault] = useState("");
  const open = async (isOpen: boolean): Promise<void> => {
    if (!isOpen || told !== null) return;
    const got = await attempt(() => ask<T>(path));
    if ("fault" in got) setFault(got.fault);
    else setTold(got.done);
  };
  return (
    <details onToggle={(event) => void open(event.currentTarget.open)}>
      <summary>{t("plates.details")}</summary>
      {fault !== "" && <p class="fault">{fault}</p>}
      {told !== null && show(told)}
    </details>
  );
}

function Pictures({ images }: { images: EvidenceImage[] }) {
  return (
    <div class="evidence-row">
      {images.map((image, i) => (
        <Evidence key={image.sha256} image={image} alt={t("street.photo_n", { n: i + 1 })} small />
      ))}
    </div>
  );
}

export function RecordDetails({ course }: { course: Course }) {
  const [newer, setNewer] = useState<Course | null>(null);
  const { record, steps, dues } = newer ?? course;
  const again = async (): Promise<void> => {
    const got = await attempt(() => ask<Course>(`/api/v1/records/${encodeURIComponent(record.id)}/steps`));
    if ("done" in got) setNewer(got.done);
  };
  const facts = [
    [t("slip.officer"), [record.officer, record.approved_by].filter(Boolean).join(" / ")],
    [t("street.basis"), record.legal_basis ?? ""],
    [t("street.note"), record.note ?? ""],
    [t("plates.amount"), record.course?.amount_yuan === undefined ? "" : `${record.course.amount_yuan}`],
    [t("plates.receipt"), record.course?.receipt ?? ""],
  ].filter(([, value]) => value !== "");
  return (
    <div class="record-details">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Pictures images={record.evidence} />
      <ol class="steps">
        {steps.map((step) => (
          <li key={step.seq}>
            {stamp(step.at, timeZone.value).slice(0, 16)} · {step.step === null ? code("ledger", step.kind) : code("step", step.step)}
            {step.actor.name !== undefined && ` · ${step.actor.name}`}
            {step.why !== null && ` · ${step.why}`}
            <small class="hint"> #{step.seq}</small>
          </li>
        ))}
      </ol>
      {dues.map((due) => (
        <p key={due.what} class="banner">
          {t("due.line", { what: code("due", due.what), by: stamp(due.by, timeZone.value).slice(0, 16), basis: due.basis })}
        </p>
      ))}
      <CaseDesk record={record} changed={() => void again()} />
    </div>
  );
}
