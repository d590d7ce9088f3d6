// Days that follow each other, told by their first and last.
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
