// What this device last knew of the lots, as it may be shown before the server is heard: never as live, and after an hour without
// numbers.
import { keep, kept } from "../keep.ts";
import type { City, Lot, LotsAnswer } from "../types.ts";

/** Numbers kept for longer than this are no help to a driver; the lots still are. */
const TOO_OLD_MS = 3_600_000;

interface Kept {
  at: number;
  answer: LotsAnswer;
}

interface KeptLot {
  at: number;
  city: City;
  lot: Lot;
}

/** The last visit to the list, and when that was. */
export function lastLots(): Kept | null {
  const last = kept<Kept>("lots");
  if (last === null || !Array.isArray(last.answer?.lots)) return null;
  return { at: last.at, answer: { ...last.answer, lots: last.answer.lots.map((lot) => aged(lot, last.at)) } };
}

/** The last that was known of one lot, from its own page or from the list. */
export function lastLot(id: string): KeptLot | null {
  const own = kept<KeptLot>("lot");
  const list = lastLots();
  const listed = list?.answer.lots.find((lot) => lot.id === id);
  const fromList = list !== null && listed !== undefined ? { at: list.at, city: list.answer.city, lot: listed } : null;
  if (own?.lot?.id !== id || own.at < (fromList?.at ?? 0)) return fromList;
  return { ...own, lot: aged(own.lot, own.at) };
}

export function keepLots(at: number, city: City, lots: Lot[]): void {
  keep("lots", { at, answer: { cursor: "", generated_at: new Date(at).toISOString(), city, lots } } satisfies Kept);
}

export function keepLot(at: number, city: City, lot: Lot): void {
  keep("lot", { at, city, lot } satisfies KeptLot);
}

function aged(lot: Lot, at: number): Lot {
  const long = Date.now() - at > TOO_OLD_MS;
  return {
    ...lot,
    quality: lot.quality === "live" ? "stale" : lot.quality,
    level: long && lot.level !== "closed" ? "no_data" : lot.level,
  };
}
