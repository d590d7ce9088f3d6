// What the operators' page knows: asked again every few seconds, while the page is looked at.
import { signal } from "@preact/signals";
import { learnServerTime } from "../clock.ts";
import { ask, Problem } from "../http.ts";
import { attempt } from "../staff.tsx";
import { perSecond, total } from "./rate.ts";
import type { Sign } from "../types.ts";
import type { Counter, SensorList } from "./types.ts";

const EVERY_MS = 5_000;
const PAGE = 100;

/** What the list is narrowed to: a state, an illness, or nothing. */
export const chosen = signal("");
export const list = signal<SensorList | null>(null);
/** How many sensors are shown at most; grows by the button below the list. */
export const shown = signal(PAGE);
/** Every sign; null before the first look. */
export const signs = signal<Sign[] | null>(null);
export const counters = signal<Counter[]>([]);
/** Messages a second that came in since the last look; null before the second. */
export const rate = signal<number | null>(null);
/** Messages that could not be read and were put aside; null where nobody says. */
export const refused = signal<number | null>(null);
/** Refused messages that are kept and wait for a replay; null where nobody may say. */
export const waiting = signal<number | null>(null);
/** How long the last message took from its receipt until it counted, seconds. */
export const lag = signal<number | null>(null);
/** The dependencies of the node that do not answer, each with its fault. */
export const ailing = signal<string[]>([]);
export const fault = signal("");

let last: { at: number; messages: number } | null = null;

/** Chooses and asks at once. */
export function choose(state: string): void {
  chosen.value = state;
  shown.value = PAGE;
  void look();
}

export function showMore(): void {
  shown.value += PAGE;
  void look();
}

async function look(): Promise<void> {
  const state = chosen.value;
  const query = `limit=${Math.min(shown.value, 500)}${state === "" ? "" : `&state=${encodeURIComponent(state)}`}`;
  const got = await attempt(() => ask<SensorList>(`/api/v1/sensors?${query}`));
  fault.value = "fault" in got ? got.fault : "";
  if ("done" in got && chosen.value === state) {
    learnServerTime(got.done.generated_at);
    list.value = got.done;
  }
}

async function lookBeside(): Promise<void> {
  const counted = await ask<{ counters: Counter[] }>("/api/v1/counters").catch(() => null);
  if (counted !== null) counters.value = counted.counters;
  // A node that drives no signs knows nothing of them.
  const hung = await ask<{ signs: Sign[] }>("/api/v1/signs").catch(() => null);
  if (hung !== null) signs.value = hung.signs;
  const metrics = await fetch("/metrics", { cache: "no-store" }).then((answer) => answer.text()).catch(() => "");
  const messages = total(metrics, "yunpark_ingest_messages_total");
  const now = { at: performance.now(), messages: messages ?? 0 };
  if (messages !== null && last !== null) rate.value = perSecond(last, now);
  if (messages !== null) last = now;
  refused.value = total(metrics, "yunpark_ingest_refused_total") ?? 0;
  lag.value = total(metrics, "yunpark_ingest_lag_seconds");
  // Supervisors may not see what was refused.
  const letters = await ask<{ waiting: number }>("/api/v1/dead-letters?limit=1").catch(() => null);
  waiting.value = letters?.waiting ?? null;
  ailing.value = await readiness();
}

async function readiness(): Promise<string[]> {
  interface Ready {
    dependencies: { name: string; ok: boolean; detail: string | null }[];
  }
  try {
    // A node that is not ready answers 503 with the same body.
    const answer = (await (await fetch("/readyz", { cache: "no-store" })).json()) as Ready;
    return answer.dependencies.filter((one) => !one.ok).map((one) => `${one.name}: ${one.detail ?? ""}`);
  } catch (error) {
    return error instanceof Problem ? [error.message] : [];
  }
}

/** Looks now and every few seconds; gives back how to stop. */
export function follow(): () => void {
  const both = (): void => {
    if (document.hidden) return;
    void look();
    void lookBeside();
  };
  both();
  const again = setInterval(both, EVERY_MS);
  return () => clearInterval(again);
}
