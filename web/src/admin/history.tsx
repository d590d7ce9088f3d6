// Who changed what, when and why: the ledger's entries about a thing, newest first.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { showPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { Change } from "./types.ts";

const ABOUT = ["staff", "setting", "permit", "city"] as const;

/** Everything that is administered, one kind at a time. */
export function History() {
  const [about, setAbout] = useState<string>("setting");
  return (
    <section class="card" aria-labelledby="history-heading">
      <h2 id="history-heading">{t("admin.tab.history")}</h2>
      <p class="hint">{t("admin.history_lead")}</p>
      <div class="chips" role="group" aria-label={t("admin.about")}>
        {ABOUT.map((one) => (
          <button key={one} type="button" class="chip" data-about={one} aria-pressed={about === one} onClick={() => setAbout(one)}>
            {t(`admin.about.${one}`)}
          </button>
        ))}
      </div>
      <Changes about={about} />
    </section>
  );
}

/** The history of one thing, or of all of a kind. `at` grows when there may be something new. */
export function Changes({ about, id, at = 0 }: { about: string; id?: string; at?: number }) {
  const [list, setList] = useState<Change[] | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    const whose = id === undefined ? "" : `&id=${encodeURIComponent(id)}`;
    void attempt(() => ask<{ changes: Change[] }>(`/api/v1/admin/history?about=${about}${whose}&limit=100`)).then((got) => {
      setFault("fault" in got ? got.fault : "");
      if ("done" in got) setList(got.done.changes);
    });
  }, [about, id, at]);
  if (fault !== "") return <p class="fault">{fault}</p>;
  if (list === null) return <p class="hint">{t("admin.loading")}</p>;
  if (list.length === 0) return <p class="empty">{t("admin.no_history")}</p>;
  return (
    <ol class="history" data-changes={list.length}>
      {list.map((change) => (
        <li key={change.seq} data-change={change.kind}>
          <p>
            <b>{code("change", change.kind)}</b> {id === undefined && <span class="subject">{subject(change)}</span>}
          </p>
          <Before change={change} />
          <p class="hint">
            {stamp(change.at, timeZone.value).slice(0, 16)} · {who(change)} · {t("admin.entry", { n: change.seq })}
            {typeof change.detail.reason === "string" && change.detail.reason !== "" && ` · ${t("admin.why", { reason: change.detail.reason })}`}
          </p>
        </li>
      ))}
    </ol>
  );
}

function subject(change: Change): string {
  if (change.subject_type === "setting") return settingName(change.subject_id);
  if (change.subject_type === "permit") return typeof change.detail.plate === "string" ? showPlate(change.detail.plate) : change.subject_id;
  if (change.subject_type === "city") return t("admin.revision", { n: change.subject_id });
  return change.subject_id;
}

export function settingName(name: string): string {
  return name.startsWith("template.") ? t("admin.template_of", { what: code("document", name.slice("template.".length)) }) : code("setting", name);
}

function who({ actor }: Change): string {
  if (actor.name !== undefined) return `${actor.name}（${code("role", actor.role ?? "")}）`;
  return actor.rule === undefined ? (actor.id ?? "") : code("rule", actor.rule);
}

/** What was there and what is there now, key by key, where they differ. */
function Before({ change }: { change: Change }) {
  const { before, after } = change.detail as { before?: Record<string, unknown>; after?: Record<string, unknown> };
  if (before === undefined && after === undefined) return <Plain detail={change.detail} />;
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const differing = keys.filter((key) => JSON.stringify(before?.[key] ?? null) !== JSON.stringify(after?.[key] ?? null));
  return (
    <ul class="differences">
      {differing.map((key) => (
        <li key={key}>
          {code("field", key)}：<del>{shown(before?.[key], after?.[key])}</del> → <ins>{shown(after?.[key], before?.[key])}</ins>
        </li>
      ))}
      {change.detail.new_password === true && <li>{t("admin.new_password_given")}</li>}
    </ul>
  );
}

const TOLD = ["role", "unit", "zone", "from", "to", "added", "changed", "retired", "sha256"];

function Plain({ detail }: { detail: Record<string, unknown> }) {
  const told = TOLD.filter((key) => detail[key] !== undefined && detail[key] !== null);
  if (told.length === 0) return null;
  return <p class="differences">{told.map((key) => `${code("field", key)} ${shown(detail[key])}`).join(" · ")}</p>;
}

/** A value for the eye; of a long list what is not in the other one. */
function shown(value: unknown, other?: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) {
    const theirs = new Set(Array.isArray(other) ? (other as string[]) : []);
    const own = (value as string[]).filter((one) => !theirs.has(one));
    if (own.length === 0) return t("admin.days_n", { n: value.length });
    return `${t("admin.days_n", { n: value.length })}（${own.slice(0, 8).join(" ")}${own.length > 8 ? " …" : ""}）`;
  }
  if (typeof value === "boolean") return value ? t("admin.yes") : t("admin.no");
  const text = String(value);
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 12)}…`;
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return stamp(text, timeZone.value).slice(0, 16);
  return code("word", code("role", text));
}
