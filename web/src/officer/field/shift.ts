// The officer's shift on this phone: who is signed in, also when no server can be asked, and what was done since.
import { computed, signal } from "@preact/signals";
import { serverNowMs } from "../../clock.ts";
import { ask, Problem } from "../../http.ts";
import { keep, kept } from "../../keep.ts";
import { expired, session } from "../../staff.tsx";
import type { Session } from "../../types.ts";
import { items } from "./queue.ts";
import { forget, keepSealed, keptSealed } from "./vault.ts";

interface Shift extends Session {
  since: string;
}

/** A shift is over after this long; a later sign-in begins a new one, milliseconds. */
const LONGEST_MS = 16 * 3_600_000;

const LEFT = "field.left";

const shift = signal<Shift | null>(null);

/** Acts of this shift on this phone that were not discarded. */
export const ofShift = computed(() => {
  const now = shift.value;
  return now === null ? [] : items.value.filter((item) => item.owner === now.name && item.made_at >= now.since);
});

export const corrections = computed(() => ofShift.value.filter((item) => item.said.kind === "correction" && item.matter === undefined).length);

/** Finds out who is signed in: the server's word, or what the phone kept of it while nothing answers. */
export async function resumeShift(): Promise<void> {
  // Signed out where no server could be told: it is told now, before anybody is let in.
  if (kept<boolean>(LEFT) === true) {
    const left = await ask("/api/v1/session", { method: "DELETE" }).catch((error: unknown) => error);
    if (left === undefined || (left instanceof Problem && left.status === 401)) keep(LEFT, false);
    session.value = null;
    return;
  }
  const known = await keptSealed<Shift>("shift").catch(() => null);
  try {
    session.value = await ask<Session>("/api/v1/session");
  } catch (error) {
    if (known === null) {
      session.value = null;
      return;
    }
    shift.value = known;
    session.value = known;
    // What was written stays on the screen; only the sign-in is asked again.
    if (error instanceof Problem && error.status === 401) expired.value = true;
    return;
  }
  await begin(session.value, known);
}

/** Begins a shift at a sign-in; the same person within the same day goes on with theirs. */
export async function begin(now: Session, before: Shift | null = shift.peek()): Promise<void> {
  const goesOn = before !== null && before.name === now.name && serverNowMs() - Date.parse(before.since) < LONGEST_MS;
  const since = goesOn ? before.since : new Date(serverNowMs()).toISOString();
  keep(LEFT, false);
  shift.value = { ...now, since };
  await keepSealed("shift", shift.value).catch(() => undefined);
}

/** Forgets who was signed in and what the phone knew for them; the queue stays. */
export async function endShift(): Promise<void> {
  const name = shift.peek()?.name;
  shift.value = null;
  keep(LEFT, true);
  await forget("shift", "kit", ...(name === undefined ? [] : [`matters/${name}`])).catch(() => undefined);
}
