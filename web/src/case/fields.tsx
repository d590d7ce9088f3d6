// What each step needs to be said, as fields of a form, and as the server reads it.
import { t, code } from "../i18n.ts";
import type { LedgerRecord } from "../types.ts";

const TEXTS = {
  articles: "case.articles",
  second_officer: "case.second",
  statement: "case.statement",
  receipt: "case.receipt",
  custody: "case.custody",
  witness: "case.witness",
  party_name: "case.party_name",
  party_address: "case.party_address",
} as const;
const CHOICES = {
  outcome: { label: "case.outcome", of: ["penalty", "no_penalty", "not_established", "transferred"], words: "outcome" },
  how: { label: "case.how", of: ["direct", "mail", "electronic", "left", "public"], words: "served" },
} as const;
const NUMBERS = { amount_yuan: { label: "case.amount", max: 100_000 }, days: { label: "case.days", max: 365 } } as const;
const MAY_BE_EMPTY = ["witness", "party_name", "party_address"];

export type FieldName = keyof typeof TEXTS | keyof typeof CHOICES | keyof typeof NUMBERS | "inventory";

const PARTY = ["party_name", "party_address"] as const;
const TAKING = ["second_officer", "custody", "inventory", "witness", ...PARTY] as const;

/** The fields of each step that has some beside why. */
export const FIELDS: Record<string, readonly FieldName[]> = {
  decide_on_spot: ["amount_yuan", "articles", ...PARTY],
  notice: ["amount_yuan", "articles", "second_officer", ...PARTY],
  state: ["statement"],
  decide: ["outcome", "amount_yuan", ...PARTY],
  serve: ["how"],
  note_payment: ["receipt"],
  move: ["custody"],
  execute: TAKING,
  execute_at_once: TAKING,
  note_testing: ["days"],
};

/** One thing a line: its name, how many, its marks. */
function inventory(text: string): { name: string; quantity: number; note: string }[] {
  const lines = text.split("\n").map((line) => line.split(/[,，;；]/).map((part) => part.trim()));
  return lines.filter(([name]) => (name ?? "") !== "").map(([name, count, ...note]) => ({ name: name ?? "", quantity: Number(count) || 1, note: note.join("，") }));
}

/** What a form says, as a step wants it. */
export function said(fields: readonly FieldName[], form: FormData): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  for (const name of fields) {
    const value = String(form.get(name) ?? "").trim();
    if (name === "party_name" || name === "party_address") continue;
    if (name in NUMBERS) told[name] = Number(value);
    else if (name === "inventory") told[name] = inventory(value);
    else if (value !== "") told[name] = value;
  }
  const party = String(form.get("party_name") ?? "").trim();
  if (party !== "") told["party"] = { name: party, address: String(form.get("party_address") ?? "").trim() };
  return told;
}

export function Field({ name, record }: { name: FieldName; record: LedgerRecord }) {
  if (name === "outcome" || name === "how") {
    const { label, of, words } = CHOICES[name];
    return (
      <label class="field">
        <span>{t(label)}</span>
        <select name={name}>
          {of.map((value) => (
            <option key={value} value={value}>
              {code(words, value)}
            </option>
          ))}
        </select>
      </label>
    );
  }
  if (name === "amount_yuan" || name === "days") {
    const { label, max } = NUMBERS[name];
    const known = name === "amount_yuan" ? (record.course?.noticed_yuan ?? "") : "";
    return (
      <label class="field">
        <span>{t(label)}</span>
        <input name={name} type="number" inputMode="numeric" min={0} max={max} step={1} required defaultValue={known} />
      </label>
    );
  }
  if (name === "inventory" || name === "statement") {
    return (
      <label class="field wide">
        <span>{t(name === "inventory" ? "case.inventory" : "case.statement")}</span>
        <textarea name={name} rows={3} required maxLength={2000} />
      </label>
    );
  }
  const party = record.course?.party;
  const known = name === "party_name" ? party?.name : name === "party_address" ? party?.address : undefined;
  return (
    <label class="field">
      <span>{t(TEXTS[name])}</span>
      <input name={name} required={!MAY_BE_EMPTY.includes(name)} maxLength={500} autocapitalize="none" defaultValue={known} />
    </label>
  );
}
