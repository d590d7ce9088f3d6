// Matters in a list by their clocks, and the one that is open beside it: what was said, what happened, what comes next.
import { useEffect } from "preact/hooks";
import { stamp } from "../age.ts";
import { code, t, text } from "../i18n.ts";
import { Evidence } from "../officer/evidence.tsx";
import { timeZone } from "../officer/city.ts";
import { Acts } from "./acts.tsx";
import { chosen, clockTone, clockWords, done, fault, filter, FILTERS, isListed, open, renew, shown, whole, type Filter } from "./store.ts";
import type { Matter, ReportView, StepView, Whole } from "./types.ts";

const WORDS: Record<Filter, Parameters<typeof t>[0]> = {
  all: "matters.all",
  overdue: "matters.overdue",
  mine: "matters.mine",
  collected: "mstate.collected",
  opened: "mstate.opened",
  dispatched: "mstate.dispatched",
  fed_back: "mstate.fed_back",
  closed: "mstate.closed",
  suspended: "mstate.suspended",
};

/** Reports of one address from this on are marked, for they stand behind first reports. */
const OFTEN = 4;

export function Desk() {
  const pick = (name: Filter): void => {
    filter.value = name;
    void renew();
  };
  return (
    <>
      <div class="chips" role="group" aria-label={t("matters.filter")}>
        {FILTERS.map((name) => (
          <button key={name} type="button" class="chip" data-filter={name} aria-pressed={filter.value === name} onClick={() => pick(name)}>
            {t(WORDS[name])}
          </button>
        ))}
      </div>
      {fault.value !== "" && (
        <p class="fault" role="alert">
          {fault.value}
        </p>
      )}
      <div class="desk" data-open={chosen.value !== null}>
        <List />
        <div class="open-matter">{whole.value === null ? <p class="empty">{t("matters.choose")}</p> : <Opened matter={whole.value} />}</div>
      </div>
    </>
  );
}

function List() {
  return (
    <ul class="matter-list" data-matters={shown.value.length}>
      {isListed.value && shown.value.length === 0 && <li class="empty">{t("matters.none")}</li>}
      {shown.value.map((matter) => (
        <li key={matter.id}>
          <button type="button" class="matter-row" data-matter={matter.number} data-state={matter.state} aria-pressed={chosen.value === matter.id} onClick={() => void open(matter.id)}>
            <span class="clock-edge" data-tone={clockTone(matter)} aria-hidden="true" />
            <span class="matter-head">
              <strong>{text(matter.category_name)}</strong>
              <Clock matter={matter} />
            </span>
            <span class="matter-facts">
              {text(matter.cell_name) || "—"} · {code("source", matter.source)}
              {matter.unit_name !== null && ` · ${text(matter.unit_name)}`}
            </span>
            <span class="matter-tags">
              <span class="tag" data-tone="info">
                {code("mstate", matter.state)}
              </span>
              {matter.level !== "town" && <span class="tag" data-tone={matter.level === "supervision" ? "bad" : "warn"}>{code("level", matter.level)}</span>}
              {matter.reports > 1 && <span class="tag">{t("matters.reports", { n: matter.reports })}</span>}
              {matter.rank >= OFTEN && <span class="tag">{t("matters.often")}</span>}
              {matter.course.asks !== null && matter.course.asks !== undefined && <span class="tag" data-tone="warn">{t("matters.asks", { more: matter.course.asks })}</span>}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Clock({ matter }: { matter: Matter }) {
  return (
    <span class="clock" data-tone={clockTone(matter)}>
      {clockWords(matter)}
    </span>
  );
}

function Opened({ matter }: { matter: Whole }) {
  // The title takes the focus on a phone, where the list has gone.
  useEffect(() => {
    if (matchMedia("(max-width: 899px)").matches) scrollTo(0, 0);
  }, [matter.id]);
  return (
    <article class="card opened" data-opened={matter.number} data-state={matter.state}>
      <button type="button" class="link back" onClick={() => void open(null)}>
        ← {t("matters.back")}
      </button>
      <header>
        <div>
          <h2>{text(matter.category_name)}</h2>
          <p class="hint">
            {matter.number} · {t("matters.class", { n: matter.street_class })} · {code("level", matter.level)}
          </p>
        </div>
        <Clock matter={matter} />
      </header>
      <dl class="facts">
        <Fact name={t("patrol.cell")} value={[text(matter.cell_name), matter.cell_code].filter(Boolean).join(" · ")} />
        <Fact name={t("matters.unit")} value={[text(matter.unit_name), matter.assignee].filter(Boolean).join(" · ")} />
        <Fact name={t("matters.opened_when")} value={text(matter.opened_when)} />
        <Fact name={t("matters.closed_when")} value={text(matter.closed_when)} />
      </dl>
      {done.value && (
        <p class="saved" role="status" data-done>
          {t("matters.done")}
        </p>
      )}
      <Acts key={`${matter.id}/${matter.state}/${matter.history.length}`} matter={matter} />
      <Said said={matter.said} />
      <History steps={matter.history} />
    </article>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  if (value === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Said({ said }: { said: ReportView[] }) {
  return (
    <section>
      <h3>{t("matters.said")}</h3>
      <ul class="said">
        {said.map((report, i) => (
          <li key={i}>
            <p class="hint">
              {stamp(report.at, timeZone.value).slice(5, 16)} · {code("source", report.source)}
              {report.place !== "" && ` · ${report.place}`}
              {report.contact !== null && ` · ☎ ${report.contact}`}
              {report.judged !== null && ` · ★ ${report.judged}`}
            </p>
            {report.what !== "" && <p>{report.what}</p>}
            <Pictures pictures={report.pictures} alt={t("matters.said")} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Pictures({ pictures, alt }: { pictures: string[]; alt: string }) {
  if (pictures.length === 0) return null;
  return (
    <div class="matter-pictures">
      {pictures.map((sha256) => (
        <Evidence key={sha256} image={{ sha256, url: `/api/v1/evidence/${sha256}` }} alt={alt} small />
      ))}
    </div>
  );
}

function History({ steps }: { steps: StepView[] }) {
  return (
    <section>
      <h3>{t("matters.history")}</h3>
      <ol class="history">
        {steps.map((step) => (
          <li key={step.seq} data-step={step.step}>
            <p>
              <strong>{code("mstep", step.step)}</strong> <span class="hint">{code("rule", step.who)}</span>
            </p>
            {step.why !== "" && <p>{code("why", step.why)}</p>}
            {step.step === "handle" && <Pictures pictures={step.pictures} alt={t("mstep.handle")} />}
            <p class="hint">
              {stamp(step.at, timeZone.value).slice(5, 16)} · {t("matters.ledger", { n: step.seq })}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
