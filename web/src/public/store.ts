// What the public page knows: the lots, their live numbers, the connection, the reader's wishes.
import { computed, signal, type Signal } from "@preact/signals";
import { baseMap, learnBaseMap, namesOf } from "../base-map.ts";
import { learnServerTime } from "../clock.ts";
import { ask } from "../http.ts";
import { keep, kept } from "../keep.ts";
import { keepLots, lastLots } from "./past.ts";
import { NOTHING_KNOWN, step, type Known } from "../live/protocol.ts";
import { LiveSocket, type Connection } from "../live/socket.ts";
import type { Arrival, City, LiveMessage, LonLat, Lot, LotsAnswer, SpaceChange, Text } from "../types.ts";
import { chosen, NO_WISHES, type Wishes } from "./choose.ts";

export const city = signal<City | null>(null);
/** The ids there are; the numbers stand in `lotSignal`. */
export const roster = signal<string[]>([]);
export const connection = signal<Connection>("connecting");
/** When the server was last heard, by this device's clock. */
export const heardAtMs = signal<number | null>(null);
export const failed = signal(false);
export const wishes = signal<Wishes>(NO_WISHES);
export const position = signal<LonLat | null>(null);

/** A place the reader wants to go to. */
export interface Goal {
  name: Text;
  at: LonLat;
}

export const goal = signal<Goal | null>(null);
/** Where distances are told from: the place the reader wants to go to, else where the reader is. */
export const place = computed(() => goal.value?.at ?? position.value);
/** What is expected on arrival, by lot. */
export const arrivals = signal<ReadonlyMap<string, Arrival>>(new Map());
/** The lot the map shows larger. */
export const selected = signal<string | null>(new URLSearchParams(location.search).get("lot"));
/** The lot that stands first in the list: of a shared link, or tapped on the map. */
export const pinned = signal<string | null>(selected.peek());
/** The lots the reader has marked; kept on this device only. */
export const marks = signal<ReadonlySet<string>>(new Set(kept<string[]>("marks") ?? []));
/** Moves now and then, so that the order of the list follows the numbers without jumping at each of them. */
const reorder = signal(0);

const lots = new Map<string, Signal<Lot>>();
type LotListener = (changed: Lot[]) => void;
type BayListener = (lot: string, bays: SpaceChange[]) => void;
const lotListeners = new Set<LotListener>();
const bayListeners = new Set<BayListener>();

let known: Known = NOTHING_KNOWN;
let baseMapWanted = false;
let socket: LiveSocket | null = null;

export function lotSignal(id: string): Signal<Lot> | undefined {
  return lots.get(id);
}

export function allLots(): Lot[] {
  return roster.value.flatMap((id) => lots.get(id)?.peek() ?? []);
}

const streets = computed(() => new Map(namesOf(baseMap.value, "street").map(({ id, name }) => [id, name])));

/** The ids to list, in order. */
export const listed = computed(() => {
  void reorder.value;
  const chances = new Map([...arrivals.value].map(([id, { chance }]) => [id, chance]));
  const around = { from: place.value, pinned: pinned.value, streets: streets.value, marks: marks.value, chances };
  return chosen(allLots(), wishes.value, around);
});

/** Tells of each lot whose numbers moved; gives back the way to stop. */
export function onLots(listener: LotListener): () => void {
  lotListeners.add(listener);
  return () => lotListeners.delete(listener);
}

export function onBays(listener: BayListener): () => void {
  bayListeners.add(listener);
  return () => bayListeners.delete(listener);
}

/** Fetches the base map now, and again whenever the connection returns until it is there. */
export async function wantBaseMap(): Promise<void> {
  baseMapWanted = true;
  await learnBaseMap().catch(() => undefined);
}

export function watchBays(ids: string[]): void {
  socket?.watch(ids);
}

export function wish(change: Partial<Wishes>): void {
  wishes.value = { ...wishes.value, ...change };
}

/** Marks a lot, or takes the mark away. */
export function toggleMark(id: string): void {
  const next = new Set(marks.value);
  if (!next.delete(id)) next.add(id);
  marks.value = next;
  keep("marks", [...next]);
}

/** Shows what was kept of the last visit, fetches the lots, then follows them; each goes on trying by itself. */
export function start(): void {
  recall();
  addEventListener("pagehide", remember);
  void refetch().then(() => {
    socket = new LiveSocket({ cursor: () => known.cursor, message: take, connection: tellConnection });
    socket.open();
  });
  setInterval(() => document.visibilityState === "visible" && void refetch(), FACTS_EVERY_MS);
  setInterval(() => (reorder.value += 1), 5_000);
}

/** Facts, hours and trends are asked again this often. */
const FACTS_EVERY_MS = 120_000;
/** What was known at the last visit, until the server is heard; its age is told as the age of the screen. */
function recall(): void {
  const last = lastLots();
  if (last === null) return;
  city.value = last.answer.city;
  heardAtMs.value = last.at;
  takeFacts(last.answer);
  known = NOTHING_KNOWN;
}

function remember(): void {
  const [seen, heard] = [city.peek(), heardAtMs.peek()];
  if (seen !== null && heard !== null) keepLots(heard, seen, allLots());
}

async function refetch(): Promise<void> {
  try {
    const answer = await ask<LotsAnswer>("/api/v1/lots");
    learnServerTime(answer.generated_at);
    city.value = answer.city;
    failed.value = false;
    heardAtMs.value = Date.now();
    takeFacts(answer);
    remember();
  } catch {
    failed.value = lots.size === 0;
  }
}

function takeFacts(answer: LotsAnswer): void {
  const live = connection.peek() === "live";
  for (const lot of answer.lots) {
    const before = lots.get(lot.id);
    // The socket is ahead of an answer that was on its way; facts are taken, newer numbers kept.
    const kept = before !== undefined && before.peek().version > lot.version && live ? before.peek() : null;
    const next: Lot = kept === null ? lot : { ...lot, ...numbersOf(kept) };
    if (before === undefined) lots.set(lot.id, signal(next));
    else before.value = next;
  }
  const there = new Set(answer.lots.map((lot) => lot.id));
  for (const id of lots.keys()) if (!there.has(id)) lots.delete(id);
  if (!live) known = { cursor: answer.cursor, lots: new Map(answer.lots.map((lot) => [lot.id, lot])) };
  roster.value = answer.lots.map((lot) => lot.id);
  for (const tell of lotListeners) tell(allLots());
}

function numbersOf({ capacity, free, occupied, unknown, out_of_service, observed_at, quality, level, version, groups }: Lot): Partial<Lot> {
  const counts = { capacity, free, occupied, unknown, out_of_service, observed_at, quality, level, version };
  return groups === undefined ? counts : { ...counts, groups };
}

function take(message: LiveMessage): void {
  heardAtMs.value = Date.now();
  if (message.type === "spaces") {
    for (const tell of bayListeners) tell(message.lot, message.spaces);
    return;
  }
  const { known: next, changed } = step(known, message);
  known = next;
  if (changed.length === 0) return;
  const moved: Lot[] = [];
  for (const numbers of changed) {
    const lot = lots.get(numbers.id);
    if (lot === undefined) continue;
    lot.value = { ...lot.peek(), ...numbers };
    moved.push(lot.value);
  }
  if (moved.length < changed.length) void refetch();
  for (const tell of lotListeners) tell(moved);
}

function tellConnection(state: Connection): void {
  const before = connection.peek();
  connection.value = state;
  if (before === "live" || state !== "live") return;
  if (failed.peek()) void refetch();
  // Without a map on the page nobody asked for the base map yet.
  if (baseMapWanted) void learnBaseMap().catch(() => undefined);
}
