// What the page of a lot knows: the lot and its bays, live; how today went, what is usual, and what is expected.
import { signal } from "@preact/signals";
import { dayStart } from "../age.ts";
import { learnServerTime, serverNowMs } from "../clock.ts";
import { ask, Problem } from "../http.ts";
import { NOTHING_KNOWN, step, type Known } from "../live/protocol.ts";
import { LiveSocket, type Connection } from "../live/socket.ts";
import { keepLot, lastLot } from "../public/past.ts";
import type { City, ForecastAnswer, HistoryPoint, LiveMessage, Lot, LotsAnswer, Space, Typical } from "../types.ts";

/** The lot of this address. */
export const id = decodeURIComponent(location.pathname.split("/")[2] ?? "");

export const lot = signal<Lot | null>(null);
export const city = signal<City | null>(null);
export const bays = signal<Space[]>([]);
export const connection = signal<Connection>("connecting");
export const heardAtMs = signal<number | null>(null);
/** There is no such lot. */
export const missing = signal(false);
export const today = signal<HistoryPoint[]>([]);
export const typical = signal<Typical | null>(null);
export const forecasts = signal<ForecastAnswer[]>([]);

const path = `/api/v1/lots/${encodeURIComponent(id)}`;
/** Minutes ahead that are told. */
const AHEAD_MIN = [15, 30, 60];
const CURVES_EVERY_MS = 60_000;
const AGAIN_MS = 5000;
const STEP = "5m";

let known: Known = NOTHING_KNOWN;

/** Shows what was known of the lot before, fetches it, then follows it. */
export async function start(): Promise<void> {
  recall();
  addEventListener("pagehide", remember);
  if (!(await fetchLot())) return;
  const socket = new LiveSocket({ cursor: () => known.cursor, message: take, connection: tell });
  socket.watch([id]);
  socket.open();
  void fetchBays();
  await fetchCurves();
  setInterval(() => document.visibilityState === "visible" && void fetchCurves(), CURVES_EVERY_MS);
}

function recall(): void {
  const last = lastLot(id);
  if (last === null) return;
  [lot.value, city.value, heardAtMs.value] = [last.lot, last.city, last.at];
}

function remember(): void {
  const [shown, seen, heard] = [lot.peek(), city.peek(), heardAtMs.peek()];
  if (shown !== null && seen !== null && heard !== null) keepLot(heard, seen, shown);
}

/** Until it is there, or known not to be. */
async function fetchLot(): Promise<boolean> {
  for (;;) {
    try {
      // The list says which city it is, and where the live socket goes on from; around this lot it is short.
      lot.value = await ask<Lot>(path);
      const [lon, lat] = lot.value.location;
      const answer = await ask<LotsAnswer>(`/api/v1/lots?near=${lon},${lat}&radius_m=1`);
      learnServerTime(answer.generated_at);
      city.value = answer.city;
      known = { cursor: answer.cursor, lots: new Map([[id, lot.value]]) };
      heardAtMs.value = Date.now();
      remember();
      return true;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        missing.value = true;
        lot.value = null;
        return false;
      }
      connection.value = navigator.onLine ? "connecting" : "offline";
      await new Promise((after) => setTimeout(after, AGAIN_MS));
    }
  }
}

async function fetchBays(): Promise<void> {
  bays.value = (await ask<{ spaces: Space[] }>(`${path}/spaces`).catch(() => ({ spaces: [] }))).spaces;
}

/** What cannot be had at the moment stays as it was. */
async function fetchCurves(): Promise<void> {
  const zone = city.peek()?.time_zone ?? "Asia/Shanghai";
  const nowMs = serverNowMs();
  const ahead = AHEAD_MIN.map((minutes) => {
    const at = new Date(nowMs + minutes * 60_000).toISOString();
    return ask<ForecastAnswer>(`${path}/forecast?at=${at}`).catch(() => null);
  });
  const history = ask<{ points: HistoryPoint[] }>(`${path}/history?from=${dayStart(nowMs, zone)}&step=${STEP}`).catch(() => null);
  const usual = ask<Typical>(`${path}/typical`).catch(() => null);
  const fresh = await ask<Lot>(path).catch(() => null);
  if (fresh !== null && lot.peek() !== null) lot.value = { ...fresh, ...newest(fresh, lot.peek()) };
  forecasts.value = (await Promise.all(ahead)).filter((one) => one !== null);
  today.value = (await history)?.points ?? today.peek();
  typical.value = (await usual) ?? typical.peek();
}

/** The socket may be ahead of an answer that was on its way. */
function newest(fresh: Lot, shown: Lot | null): Partial<Lot> {
  return shown !== null && shown.version > fresh.version ? { free: shown.free, level: shown.level, version: shown.version } : {};
}

function take(message: LiveMessage): void {
  heardAtMs.value = Date.now();
  if (message.type === "spaces") {
    if (message.lot !== id) return;
    const moved = new Map(message.spaces.map((bay) => [bay.id, bay]));
    bays.value = bays.peek().map((bay) => ({ ...bay, ...moved.get(bay.id) }));
    return;
  }
  const { known: next, changed } = step(known, message);
  known = next;
  const mine = changed.find((one) => one.id === id);
  if (mine !== undefined && lot.peek() !== null) lot.value = { ...(lot.peek() as Lot), ...mine };
}

function tell(state: Connection): void {
  const before = connection.peek();
  connection.value = state;
  if (state === "live" && before !== "live" && before !== "connecting") void fetchBays();
}
