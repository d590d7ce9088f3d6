// A list of days as people think of them: stretches, year by year, added by first and last day.
import { useState } from "preact/hooks";
import { t } from "../i18n.ts";
import { Field } from "./form.tsx";

const DAY_MS = 86_400_000;

function next(day: string, by = 1): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);
}

/** Days that follow each other, as first and last. */
export function stretches(days: string[]): [string, string][] {
  const found: [string, string][] = [];
  for (const day of [...new Set(days)].sort()) {
    const last = found.at(-1);
    if (last !== undefined && next(last[1]) === day) last[1] = day;
    else found.push([day, day]);
  }
  return found;
}

/** Every day from the first to the last; at most a hundred. */
export function between(first: string, last: string): string[] {
  const days: string[] = [];
  for (let day = first; day <= last && days.length < 100; day = next(day)) days.push(day);
  return days;
}

export function Days({ name, label, days, set, wrong }: { name: string; label: string; days: string[]; set: (next: string[]) => void; wrong: Record<string, string> }) {
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const all = stretches(days);
  const years = [...new Set(all.map(([day]) => day.slice(0, 4)))].sort().reverse();
  const add = (): void => {
    if (first === "") return;
    set([...new Set([...days, ...between(first, last === "" ? first : last)])].sort());
    setFirst("");
    setLast("");
  };
  const drop = (from: string, to: string): void => set(days.filter((day) => day < from || day > to));
  return (
    <fieldset class="days" data-days={name} data-count={days.length}>
      <legend>
        {label} <small>{t("admin.days_n", { n: days.length })}</small>
      </legend>
      {years.map((year) => (
        <div key={year} class="year">
          <b>{year}</b>
          <ul class="stretches">
            {all
              .filter(([day]) => day.startsWith(year))
              .map(([from, to]) => (
                <li key={from}>
                  {from.slice(5)}
                  {to !== from && ` – ${to.slice(5)}`}
                  <button type="button" class="drop" aria-label={t("admin.drop_days", { from, to })} onClick={() => drop(from, to)}>
                    ✕
                  </button>
                </li>
              ))}
          </ul>
        </div>
      ))}
      {wrong[name] !== undefined && (
        <Field name={name} label="" wrong={wrong}>
          {null}
        </Field>
      )}
      <div class="add-days">
        <label class="field">
          <span>{t("admin.first_day")}</span>
          <input type="date" name={`${name}-first`} value={first} onInput={(event) => setFirst(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t("admin.last_day")}</span>
          <input type="date" name={`${name}-last`} min={first} value={last} onInput={(event) => setLast(event.currentTarget.value)} />
        </label>
        <button type="button" class="button plain" data-act={`add-${name}`} disabled={first === ""} onClick={add}>
          {t("admin.add_days")}
        </button>
      </div>
    </fieldset>
  );
}
