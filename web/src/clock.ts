// The server's time as this device can know it, and a tick for ages on the screen.
import { signal } from "@preact/signals";

let offsetMs = 0;

/** Takes the server's word for what time it is; a phone's clock may be minutes off. */
export function learnServerTime(instant: string): void {
  const server = Date.parse(instant);
  if (!Number.isNaN(server)) offsetMs = server - Date.now();
}

/** How far this device's clock is behind the server's, milliseconds; to be kept for when there is no server to ask. */
export function clockOffsetMs(): number {
  return offsetMs;
}

/** Takes a difference that was kept. */
export function recallClock(keptOffsetMs: number): void {
  offsetMs = keptOffsetMs;
}

/** Now, by the server's clock, in milliseconds. */
export function serverNowMs(): number {
  return Date.now() + offsetMs;
}

/** Moves once a second; ages that are shown depend on it. */
export const tick = signal(Date.now());

setInterval(() => {
  tick.value = Date.now();
}, 1000);

/** The server's time as of the last tick, for rendering. */
export function shownNowMs(): number {
  return tick.value + offsetMs;
}
