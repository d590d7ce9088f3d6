// A record's course at the desk: the step that may come next with what it needs, its documents, its appeals.
import { useState } from "preact/hooks";
import { ask, newKey } from "../http.ts";
import { code, t } from "../i18n.ts";
import { attempt, session } from "../staff.tsx";
import type { LedgerRecord } from "../types.ts";
import { Appeals } from "./appeals.tsx";
import "./case.css";
import { Documents } from "./documents.tsx";
import { FIELDS, Field, said, type FieldName } from "./fields.tsx";

/** Steps only a supervisor takes. */
const SUPERVISORS = ["revoke", "decide", "apply_to_court", "approve_after", "refuse_approval", "extend", "dispose"];
/** Steps an appeal brings by itself. */
const BY_APPEAL = ["hold_for_appeal", "resume_after_appeal"];
const ACTORS = ["officer", "supervisor"];

/** What may be done with a record by whoever is signed in; `changed` asks for it anew. */
export function CaseDesk({ record, changed }: { record: LedgerRecord; changed(): void }) {
  const role = session.value?.role ?? "";
  const mayAct = ACTORS.includes(role);
  return (
    <div class="case" data-case={record.id}>
      {mayAct && <NextStep record={record} isSupervisor={role === "supervisor"} changed={changed} />}
      {mayAct && <Documents record={record} />}
      {record.kind !== "correction" && <Appeals record={record} mayEnter={mayAct} isSupervisor={role === "supervisor"} changed={changed} />}
    </div>
  );
}

function NextStep({ record, isSupervisor, changed }: { record: LedgerRecord; isSupervisor: boolean; changed(): void }) {
  const [step, setStep] = useState("");
  const [fault, setFault] = useState("");
  const [done, setDone] = useState("");
  const [busy, setBusy] = useState(false);
  const steps = (record.next_steps ?? []).filter((name) => !BY_APPEAL.includes(name) && (isSupervisor || !SUPERVISORS.includes(name)));
  const fields: readonly FieldName[] = FIELDS[step] ?? [];
  const take = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    const json = { step, why: form.get("why"), ...said(fields, form) };
    const got = await attempt(() => ask<LedgerRecord>(`/api/v1/records/${encodeURIComponent(record.id)}/steps`, { method: "POST", json, key: newKey() }));
    setBusy(false);
    if ("fault" in got) return setFault(got.fault);
    setFault("");
    setStep("");
    setDone(t("case.taken", { state: code("state", got.done.state) }));
    changed();
  };
  return (
    <section class="case-part">
      <h4>{t("case.next")}</h4>
      {steps.length === 0 && <p class="hint">{t("case.none")}</p>}
      <div class="chips" role="group" aria-label={t("case.choose")}>
        {steps.map((name) => (
          <button key={name} type="button" class="chip" data-step={name} aria-pressed={step === name} onClick={() => setStep(step === name ? "" : name)}>
            {code("act", name)}
          </button>
        ))}
      </div>
      {done !== "" && step === "" && (
        <p class="hint" role="status">
          ✓ {done}
        </p>
      )}
      {step !== "" && (
        <form key={step} class="case-form" name="step" onSubmit={(event) => void take(event)}>
          {fields.map((name) => (
            <Field key={name} name={name} record={record} />
          ))}
          <label class="field">
            <span>
              {t("case.why")} <small class="hint">{t("case.why_hint")}</small>
            </span>
            <input name="why" required maxLength={1000} />
          </label>
          {fault !== "" && (
            <p class="fault" role="alert">
              {fault}
            </p>
          )}
          <button class="button" type="submit" disabled={busy}>
            {t("case.take", { step: code("act", step) })}
          </button>
        </form>
      )}
    </section>
  );
}
