// The desk's matters: what is listed, which one is open, and how steps are sent.
import { computed, signal } from "@preact/signals";
import { durationWords } from "../age.ts";
import { learnServerTime, shownNowMs } from "../clock.ts";
import { ask, newKey } from "../http.ts";
import { lang, t } from "../i18n.ts";
import { attempt } from "../staff.tsx";
import type { Kit, Matter, Whole } from "./types.ts";

export const FILTERS = ["all", "overdue", "mine", "collected", "opened", "dispatched", "fed_back", "closed", "suspended"] as const;
export type Filter = (typeof FILTERS)[number];

export const kit = signal<Kit | null>(null);
export const filter = signal<Filter>("all");
export const listed = signal<Matter[]>([]);
/** True once the server has told a list; before, an empty one says nothing. */
export const isListed = signal(false);
export const chosen = signal<string | null>(null);
export const whole = signal<Whole | null>(null);
export const fault = signal("");
export const done = signal(false);

/** What the filter shows of the list. */
export const shown = computed(() => (filter.value === "overdue" ? listed.value.filter((one) => one.is_overdue) : listed.value));

const QUERIES: Record<Filter, string> = {
  all: "open=true",
  overdue: "open=true",
  mine: "open=true&mine=true",
  collected: "state=collected",
  opened: "state=opened",
  dispatched: "state=dispatched",
  fed_back: "state=fed_back",
  closed: "state=closed",
  suspended: "state=suspended",
};

export async function learnKit(): Promise<void> {
  const got = await attempt(() => ask<Kit>("/api/v1/matters/kit"));
  if ("done" in got) {
    kit.value = got.done;
    learnServerTime(got.done.now);
  } else fault.value = got.fault;
}

export async function renew(): Promise<void> {
  const asked = filter.value;
  const got = await attempt(() => ask<{ now: string; matters: Matter[] }>(`/api/v1/matters?limit=500&${QUERIES[asked]}`));
  if ("fault" in got) {
    fault.value = got.fault;
    return;
  }
  learnServerTime(got.done.now);
  if (asked !== filter.value) return;
  listed.value = got.done.matters;
  isListed.value = true;
}

export async function open(id: string | null): Promise<void> {
  chosen.value = id;
  done.value = false;
  if (id === null) {
    whole.value = null;
    return;
  }
  const got = await attempt(() => ask<Whole>(`/api/v1/matters/${encodeURIComponent(id)}`));
  if ("fault" in got) fault.value = got.fault;
  else if (chosen.value === id) whole.value = got.done;
}

/** Takes a step; what went wrong, or nothing. */
export async function take(id: string, step: Record<string, unknown>): Promise<string> {
  const path = `/api/v1/matters/${encodeURIComponent(id)}/steps`;
  const got = await attempt(() => ask<Whole>(path, { method: "POST", json: step, key: newKey() }));
  return "fault" in got ? got.fault : settled(got.done);
}

/** Puts it right with pictures, and feeds back at once. */
export async function handled(id: string, note: string, photos: Blob[]): Promise<string> {
  const form = new FormData();
  form.append("meta", new Blob([JSON.stringify({ note })], { type: "application/json" }), "meta.json");
  photos.forEach((photo, i) => form.append("image", photo, `${i + 1}.jpg`));
  const path = `/api/v1/matters/${encodeURIComponent(id)}/handled`;
  const got = await attempt(() => ask<Whole>(path, { method: "POST", form, key: newKey(), signal: AbortSignal.timeout(90_000) }));
  return "fault" in got ? got.fault : settled(got.done);
}

function settled(now: Whole): string {
  whole.value = now;
  done.value = true;
  void renew();
  return "";
}

/** The running clock in words. */
export function clockWords(matter: Pick<Matter, "due">): string {
  if (matter.due === null) return t("matters.no_clock");
  const seconds = (Date.parse(matter.due.by) - shownNowMs()) / 1000;
  return t(seconds < 0 ? "matters.over" : "matters.left", { span: durationWords(Math.abs(seconds), lang.value) });
}

/** How pressing a clock is. */
export function clockTone(matter: Matter): "bad" | "warn" | "good" | "none" {
  if (matter.due === null) return "none";
  const [since, by, now] = [Date.parse(matter.due.since), Date.parse(matter.due.by), shownNowMs()];
  if (now > by) return "bad";
  return now > by - (by - since) / 4 ? "warn" : "good";
}
