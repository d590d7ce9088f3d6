// Records summed up by day or by week.
export const KINDS = ["warnings", "corrections", "penalties", "seizures"] as const;

export type Counts = Record<(typeof KINDS)[number], number>;

export interface Span extends Counts {
  /** First and last day. */
  from: string;
  to: string;
}

const DAY_MS = 86_400_000;
const ahead = (day: string, by: number): string => new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

/** The Monday of a day's week. */
export function monday(day: string): string {
  return ahead(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
}

/** Days summed up to weeks, or left as they are; days without records between the first and the last are there with none. */
export function spans(days: (Counts & { day: string })[], weekly: boolean): Span[] {
  const sums = new Map<string, Span>();
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  if (first === undefined || last === undefined) return [];
  for (let day = first; day <= last; day = ahead(day, 1)) {
    const from = weekly ? monday(day) : day;
    if (!sums.has(from)) sums.set(from, { from, to: weekly ? ahead(from, 6) : from, warnings: 0, corrections: 0, penalties: 0, seizures: 0 });
  }
  for (const one of days) {
    const sum = sums.get(weekly ? monday(one.day) : one.day);
    if (sum !== undefined) for (const kind of KINDS) sum[kind] += one[kind];
  }
  return [...sums.values()];
}
