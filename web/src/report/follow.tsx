// Where a report stands, by its receipt: the seven steps as a line, until when, what came of it, and how content the reporter is.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask, Problem } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { follow, mine, type Followed } from "./store.ts";

const STAGES = ["collect", "open", "dispatch", "handle", "feed_back", "verify", "evaluate"] as const;
const ENDED = ["merged", "refused"];
const EVERY_MS = 20_000;

export function Follow({ receipt, see }: { receipt: string; see(receipt: string): void }) {
  const [typed, setTyped] = useState(receipt);
  const [found, setFound] = useState<Followed | null>(null);
  const [fault, setFault] = useState("");
  const look = async (): Promise<void> => {
    if (receipt === "") return;
    try {
      setFound(await follow(receipt));
      setFault("");
    } catch (error) {
      setFault(error instanceof Problem && error.status === 404 ? t("report.none") : t("fault.network"));
    }
  };
  useEffect(() => {
    setTyped(receipt);
    setFound(null);
    void look();
    const again = setInterval(() => void look(), EVERY_MS);
    return () => clearInterval(again);
  }, [receipt]);
  return (
    <div class="follow">
      <form
        name="receipt"
        class="card receipt-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== "") see(typed.trim().toUpperCase());
        }}
      >
        <label class="field">
          <span>{t("report.receipt")}</span>
          <input name="receipt" value={typed} required maxLength={20} autocomplete="off" placeholder="XXXX-XXXX-XXXX" onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button">
          {t("report.look")}
        </button>
      </form>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {found !== null && <Standing found={found} look={look} />}
      {receipt === "" && mine.value.length > 0 && (
        <section class="card">
          <h2>{t("report.yours")}</h2>
          <ul class="yours">
            {mine.value.map((one) => (
              <li key={one}>
                <button type="button" class="link" onClick={() => see(one)}>
                  {one}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Standing({ found, look }: { found: Followed; look(): Promise<void> }) {
  const taken = new Map(found.steps);
  const at = (step: string): string | undefined => taken.get(step);
  const short = (instant: string): string => stamp(instant, timeZone.value).slice(5, 16);
  const isOver = ENDED.includes(found.state);
  return (
    <section class="card standing-card" data-state={found.state} data-number={found.number}>
      <header>
        <h2>{text(found.category_name)}</h2>
        <span class="tag" data-tone={found.state === "refused" ? "bad" : found.state === "closed" || found.state === "evaluated" ? "good" : "info"}>
          {code("mstate", found.state)}
        </span>
      </header>
      <p class="hint">
        {found.number}
        {found.others > 0 && ` · ${t("report.others", { n: found.others })}`}
      </p>
      <ol class="stages">
        {STAGES.map((stage) => {
          const when = at(stage);
          const state = found.stage === stage && !isOver ? "now" : when !== undefined ? "done" : "todo";
          return (
            <li key={stage} data-stage={stage} data-is={state} {...(state === "now" ? { "aria-current": "step" as const } : {})}>
              <span class="stage-dot" aria-hidden="true">
                {state === "done" ? "✓" : ""}
              </span>
              <span class="stage-name">{t(`stage.${stage}`)}</span>
              <span class="stage-at">{when !== undefined && state !== "now" ? short(when) : ""}</span>
            </li>
          );
        })}
      </ol>
      <dl class="facts">
        {found.unit !== null && (
          <div>
            <dt>{t("report.unit")}</dt>
            <dd>{text(found.unit)}</dd>
          </div>
        )}
        {found.due_by !== null && (
          <div>
            <dt>{t("report.due")}</dt>
            <dd>{short(found.due_by)}</dd>
          </div>
        )}
      </dl>
      {found.answer !== null && (
        <div class="answer">
          <h3>{t(found.state === "refused" ? "report.why_not" : "report.answer")}</h3>
          <p>{found.answer}</p>
        </div>
      )}
      {found.may_judge && <Judge receipt={found.receipt} look={look} />}
      {found.judged !== null && <p class="saved">{t("report.judged", { n: found.judged })}</p>}
    </section>
  );
}

function Judge({ receipt, look }: { receipt: string; look(): Promise<void> }) {
  const [fault, setFault] = useState("");
  const judge = async (content: number): Promise<void> => {
    try {
      await ask(`/api/v1/citizen/reports/${encodeURIComponent(receipt)}/judgement`, { method: "POST", json: { content } });
    } catch (error) {
      setFault(error instanceof Problem ? error.message : t("fault.network"));
    }
    await look();
  };
  return (
    <div class="judge" role="group" aria-label={t("report.judge")}>
      <h3>{t("report.judge")}</h3>
      <div class="stars">
        {[1, 2, 3, 4, 5].map((n) => (
          <button key={n} type="button" data-judge={n} aria-label={t("report.judge.n", { n })} onClick={() => void judge(n)}>
            <span aria-hidden="true">★</span>
            <small>{n}</small>
          </button>
        ))}
      </div>
      {fault !== "" && <p class="fault">{fault}</p>}
    </div>
  );
}
