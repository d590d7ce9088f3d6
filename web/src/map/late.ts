// A map beside a list that tells the same: its library comes when the page has nothing better to do, and not by itself where the
// reader pays for bytes or waits long for them.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

export type Stage = "waiting" | "loading" | "shown" | "failed";

/** True where the reader pays for bytes or waits long for them. */
export function thrifty(): boolean {
  const link = (navigator as { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
  return link?.saveData === true || link?.effectiveType === "2g" || link?.effectiveType === "slow-2g";
}

export interface LateMap {
  stage: ReadonlySignal<Stage>;
  /** Shows it now, if it was not shown before. */
  load(place: HTMLElement | null): Promise<void>;
  /** Shows it once there is something to show and the page is idle. */
  useWhenIdle(place: RefObject<HTMLDivElement | null>, ready: boolean): void;
}

/** A map that `show` fetches and draws. */
export function lateMap(show: (place: HTMLElement) => Promise<void>): LateMap {
  const stage = signal<Stage>("waiting");
  const load = async (place: HTMLElement | null): Promise<void> => {
    if (place === null || stage.peek() !== "waiting") return;
    stage.value = "loading";
    try {
      await show(place);
      stage.value = "shown";
    } catch {
      stage.value = "failed";
    }
  };
  const useWhenIdle = (place: RefObject<HTMLDivElement | null>, ready: boolean): void =>
    useEffect(() => {
      if (!ready || stage.peek() !== "waiting" || thrifty()) return;
      const begin = (): void => void load(place.current);
      if ("requestIdleCallback" in window) requestIdleCallback(begin, { timeout: 1500 });
      else setTimeout(begin, 50);
    }, [ready]);
  return { stage, load, useWhenIdle };
}
