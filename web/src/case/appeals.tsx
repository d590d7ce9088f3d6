// Appeals against a record: what was handed in, where it stands, what it came to; entered by officers, taken on by supervisors.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt } from "../staff.tsx";
import type { LedgerRecord } from "../types.ts";

interface Appeal {
  id: string;
  kind: "review" | "litigation";
  state: string;
  claim: string;
  authority: string;
  filed_at: string;
  outcome: string | null;
}

const NEXT: Record<string, string[]> = { filed: ["accept", "reject", "withdraw"], accepted: ["decide", "withdraw"] };
const OUTCOMES = ["upheld", "changed", "revoked", "unlawful"] as const;

export function Appeals({ record, mayEnter, isSupervisor, changed }: { record: LedgerRecord; mayEnter: boolean; isSupervisor: boolean; changed(): void }) {
  const [appeals, setAppeals] = useState<Appeal[] | null>(null);
  const [fault, setFault] = useState("");
  const look = async (): Promise<void> => {
    const got = await attempt(() => ask<{ appeals: Appeal[] }>(`/api/v1/appeals?record=${encodeURIComponent(record.id)}`));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setAppeals(got.done.appeals);
  };
  useEffect(() => void look(), [record.id]);
  const again = async (): Promise<void> => {
    await look();
    changed();
  };
  return (
    <section class="case-part" data-appeals={appeals?.length ?? ""}>
      <h4>{t("case.appeals")}</h4>
      {fault !== "" && <p class="fault">{fault}</p>}
      {appeals?.length === 0 && <p class="hint">{t("case.no_appeals")}</p>}
      <ul class="appeal-list">
        {appeals?.map((appeal) => (
          <li key={appeal.id} data-appeal={appeal.state}>
            <p>
              <span class="tag">{t(`appeal.${appeal.kind}`)}</span> {appeal.authority} · {code("appeal_state", appeal.state)}
              {appeal.outcome !== null && ` · ${code("outcome", appeal.outcome)}`}
            </p>
            <p class="hint">
              {stamp(appeal.filed_at, timeZone.value).slice(0, 16)} · {appeal.claim}
            </p>
            {isSupervisor && (NEXT[appeal.state] ?? []).length > 0 && <TakeOn appeal={appeal} done={again} />}
          </li>
        ))}
      </ul>
      {mayEnter && <Enter record={record} done={again} />}
    </section>
  );
}

function TakeOn({ appeal, done }: { appeal: Appeal; done(): Promise<void> }) {
  const [step, setStep] = useState("");
  const [fault, setFault] = useState("");
  const take = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const outcome = step === "decide" ? { outcome: form.get("outcome") } : {};
    const json = { step, why: form.get("why"), ...outcome };
    const got = await attempt(() => ask(`/api/v1/appeals/${encodeURIComponent(appeal.id)}/steps`, { method: "POST", json }));
    if ("fault" in got) return setFault(got.fault);
    setFault("");
    setStep("");
    await done();
  };
  return (
    <>
      <div class="chips">
        {(NEXT[appeal.state] ?? []).map((name) => (
          <button key={name} type="button" class="chip" data-appeal-step={name} aria-pressed={step === name} onClick={() => setStep(step === name ? "" : name)}>
            {code("appeal_step", name)}
          </button>
        ))}
      </div>
      {step !== "" && (
        <form key={step} class="case-form" name="appeal-step" onSubmit={(event) => void take(event)}>
          {step === "decide" && (
            <label class="field">
              <span>{t("case.outcome")}</span>
              <select name="outcome">
                {OUTCOMES.map((value) => (
                  <option key={value} value={value}>
                    {t(`outcome.${value}`)}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label class="field">
            <span>{t("case.says")}</span>
            <input name="why" required maxLength={1000} />
          </label>
          {fault !== "" && (
            <p class="fault" role="alert">
              {fault}
            </p>
          )}
          <button class="button" type="submit">
            {t("case.do")}
          </button>
        </form>
      )}
    </>
  );
}

function Enter({ record, done }: { record: LedgerRecord; done(): Promise<void> }) {
  const [fault, setFault] = useState("");
  const [told, setTold] = useState("");
  const enter = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    const at = String(form.get("filed_at") ?? "");
    const filed = at === "" ? {} : { filed_at: new Date(at).toISOString() };
    const json = { record: record.id, kind: form.get("kind"), claim: form.get("claim"), authority: form.get("authority"), ...filed };
    const got = await attempt(() => ask("/api/v1/appeals", { method: "POST", json }));
    if ("fault" in got) return setFault(got.fault);
    setFault("");
    setTold(t("case.entered"));
    element.reset();
    await done();
  };
  return (
    <details>
      <summary>{t("case.file")}</summary>
      <form class="case-form" name="appeal" onSubmit={(event) => void enter(event)}>
        <label class="field">
          <span>{t("case.appeals")}</span>
          <select name="kind">
            <option value="review">{t("appeal.review")}</option>
            <option value="litigation">{t("appeal.litigation")}</option>
          </select>
        </label>
        <label class="field">
          <span>{t("case.authority")}</span>
          <input name="authority" required maxLength={200} />
        </label>
        <label class="field wide">
          <span>{t("case.claim")}</span>
          <textarea name="claim" rows={2} required maxLength={2000} />
        </label>
        <label class="field">
          <span>{t("case.filed_at")}</span>
          <input name="filed_at" type="datetime-local" />
        </label>
        {fault !== "" && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        {told !== "" && (
          <p class="hint" role="status">
            ✓ {told}
          </p>
        )}
        <button class="button" type="submit">
          {t("case.enter")}
        </button>
      </form>
    </details>
  );
}
