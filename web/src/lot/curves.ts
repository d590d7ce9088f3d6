// Today's free places, the usual ones and the expected ones on one axis of time, for the chart and for the table beside it.
import type { ForecastAnswer, HistoryPoint, Typical } from "../types.ts";

export interface Curves {
  /** Seconds since 1970. */
  at: number[];
  today: (number | null)[];
  usual: (number | null)[];
  expected: (number | null)[];
}

/** The three curves; `now` is the last count, from which what is expected goes on. Null where there is nothing to draw. */
export function curvesOf(today: HistoryPoint[], typical: Typical | null, ahead: ForecastAnswer[], now: { at: number; free: number } | null): Curves | null {
  const told = new Map<number, { today?: number; usual?: number; expected?: number }>();
  const put = (at: number, part: { today?: number; usual?: number; expected?: number }): void => {
    told.set(at, { ...told.get(at), ...part });
  };
  const seconds = (instant: string): number => Math.round(Date.parse(instant) / 1000);
  for (const point of typical?.points ?? []) put(seconds(point.at), { usual: point.free });
  for (const point of today) put(seconds(point.at), { today: point.free });
  if (now !== null) {
    put(now.at, { today: now.free });
    if (ahead.length > 0) put(now.at, { expected: now.free });
  }
  for (const forecast of ahead) put(seconds(forecast.at), { expected: forecast.free });
  if (told.size < 2) return null;
  const at = [...told.keys()].sort((a, b) => a - b);
  const column = (name: "today" | "usual" | "expected") => at.map((moment) => told.get(moment)?.[name] ?? null);
  return { at, today: column("today"), usual: column("usual"), expected: column("expected") };
}

export interface Hour {
  at: number;
  today: number | null;
  usual: number | null;
}

/** The same by the hour, for a table: what stood at its beginning, or soon after. */
export function hourly(curves: Curves): Hour[] {
  const hours = new Map<number, Hour>();
  curves.at.forEach((at, place) => {
    const hour = Math.floor(at / 3600) * 3600;
    const row = hours.get(hour) ?? { at: hour, today: null, usual: null };
    row.today ??= curves.today[place] ?? null;
    row.usual ??= curves.usual[place] ?? null;
    hours.set(hour, row);
  });
  return [...hours.values()].filter((row) => row.today !== null || row.usual !== null);
}
