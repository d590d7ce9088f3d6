// How old something is, in words; and instants in the city's own time zone.
import type { Lang } from "./i18n.ts";

interface Unit {
  zh: string;
  en: string;
  seconds: number;
}

const UNITS: Unit[] = [
  { zh: "天", en: "day", seconds: 86_400 },
  { zh: "小时", en: "hour", seconds: 3_600 },
  { zh: "分钟", en: "minute", seconds: 60 },
];

/** A length of time in words: the largest whole unit, seconds below a minute. */
export function durationWords(seconds: number, lang: Lang): string {
  const whole = Math.max(0, Math.floor(seconds));
  for (const unit of UNITS) {
    if (whole >= unit.seconds) {
      const n = Math.floor(whole / unit.seconds);
      return lang === "zh" ? `${n} ${unit.zh}` : `${n} ${unit.en}${n === 1 ? "" : "s"}`;
    }
  }
  return lang === "zh" ? `${whole} 秒` : `${whole} s`;
}

/** An age in words: "12 秒前", "12 s ago"; below three seconds simply now. */
export function ageWords(seconds: number, lang: Lang): string {
  if (seconds < 3) return lang === "zh" ? "刚刚" : "just now";
  return lang === "zh" ? `${durationWords(seconds, lang)}前` : `${durationWords(seconds, lang)} ago`;
}

/** Seconds from an RFC 3339 instant to `nowMs`, never negative; null for no instant. */
export function secondsSince(instant: string | null, nowMs: number): number | null {
  if (instant === null) return null;
  const then = Date.parse(instant);
  return Number.isNaN(then) ? null : Math.max(0, (nowMs - then) / 1000);
}

/** Date and time of an instant in a zone, as 2026-11-23 14:05:09. */
export function stamp(instant: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(instant));
  const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}`;
}

/** The instant at which the day of `nowMs` began in a zone. */
export function dayStart(nowMs: number, timeZone: string): string {
  const clock = stamp(new Date(nowMs).toISOString(), timeZone).slice(11).split(":").map(Number);
  const intoDay = ((clock[0] ?? 0) * 3600 + (clock[1] ?? 0) * 60 + (clock[2] ?? 0)) * 1000 + (nowMs % 1000);
  return new Date(nowMs - intoDay).toISOString();
}
