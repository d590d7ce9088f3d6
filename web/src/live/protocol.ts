// The live protocol without its socket: what each message does to what is known, and when to try again.
import type { Availability, LiveMessage } from "../types.ts";

export interface Known {
  /** Where to resume; null before the first answer. */
  cursor: string | null;
  lots: ReadonlyMap<string, Availability>;
}

export interface Step {
  known: Known;
  /** Lots whose numbers are new. */
  changed: Availability[];
}

export const NOTHING_KNOWN: Known = { cursor: null, lots: new Map() };

/**
 * A snapshot replaces what is known; a change counts only if it is not older and differs, so a repeated or late one does
 * nothing; a heartbeat moves the cursor.
 */
export function step(known: Known, message: LiveMessage): Step {
  switch (message.type) {
    case "snapshot": {
      const changed = message.lots.filter((lot) => differs(known.lots.get(lot.id), lot));
      return { known: { cursor: message.cursor, lots: index(message.lots) }, changed };
    }
    case "changes": {
      const changed = message.lots.filter((lot) => isNews(known.lots.get(lot.id), lot));
      if (changed.length === 0) return { known: { ...known, cursor: message.cursor }, changed };
      const lots = new Map(known.lots);
      for (const lot of changed) lots.set(lot.id, lot);
      return { known: { cursor: message.cursor, lots }, changed };
    }
    case "heartbeat":
      return { known: { ...known, cursor: message.cursor }, changed: [] };
    case "spaces":
    case "error":
      return { known, changed: [] };
  }
}

/** Age and quality may change without a new version (a sensor confirms, a lot goes silent), so they are compared as well. */
function differs(before: Availability | undefined, after: Availability): boolean {
  return (
    before === undefined ||
    before.version !== after.version ||
    before.observed_at !== after.observed_at ||
    before.quality !== after.quality ||
    before.level !== after.level
  );
}

function isNews(before: Availability | undefined, after: Availability): boolean {
  return before === undefined || (after.version >= before.version && differs(before, after));
}

function index(lots: Availability[]): Map<string, Availability> {
  return new Map(lots.map((lot) => [lot.id, lot]));
}

/** A message as it came, or null if it is none of ours. */
export function readMessage(data: unknown): LiveMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data) as { type?: unknown; lots?: unknown; spaces?: unknown; cursor?: unknown };
    switch (value.type) {
      case "snapshot":
      case "changes":
        return Array.isArray(value.lots) && typeof value.cursor === "string" ? (value as LiveMessage) : null;
      case "heartbeat":
        return typeof value.cursor === "string" ? (value as LiveMessage) : null;
      case "spaces":
        return Array.isArray(value.spaces) ? (value as LiveMessage) : null;
      case "error":
        return value as LiveMessage;
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** The server speaks at least every 10 s; after this much silence the socket is taken for dead. */
export const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** The pause before try number `attempt` (from 0); `chance` in [0, 1) spreads clients over its second half. */
export function pauseMs(attempt: number, chance: number): number {
  const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return whole / 2 + (whole / 2) * chance;
}
