// The language of the screen: from ?lang=, else what the device kept, else the browser's; Chinese first.
import { computed, signal } from "@preact/signals";
import { WORDS, type Word } from "./dictionary.ts";
import type { Text } from "./types.ts";

export type Lang = "zh" | "en";

const KEPT = "yunpark.lang";

function keptLang(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function firstLang(): Lang {
  const asked = new URLSearchParams(location.search).get("lang") ?? keptLang();
  if (asked !== null) return asked.toLowerCase().startsWith("en") ? "en" : "zh";
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "zh";
}

export const lang = signal<Lang>(firstLang());
export const htmlLang = computed(() => (lang.value === "zh" ? "zh-CN" : "en"));

/** Changes the language and keeps it on this device. */
export function setLang(next: Lang): void {
  lang.value = next;
  try {
    localStorage.setItem(KEPT, next);
  } catch {
    // Private windows keep nothing; the choice then holds for this page.
  }
}

/** A sentence of the dictionary in the screen's language, `{name}` filled in. */
export function t(word: Word, fill: Record<string, string | number> = {}): string {
  return WORDS[word][lang.value].replace(/\{(\w+)\}/g, (_, name: string) => String(fill[name] ?? ""));
}

/** A word looked up by a code of the server, or the code itself where the dictionary has none. */
export function code(prefix: string, value: string): string {
  const word = `${prefix}.${value}`;
  return word in WORDS ? t(word as Word) : value;
}

/** A localized text of the server in the screen's language, or in the other one. */
export function text(value: Text | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return (lang.value === "zh" ? (value.zh ?? value.en) : (value.en ?? value.zh)) ?? "";
}
