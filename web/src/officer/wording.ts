// The reasons and bases an officer chooses from; what is sent is the Chinese wording, the ledger's language.
import { WORDS, type Word } from "../dictionary.ts";
import { t } from "../i18n.ts";

export const REASONS: Word[] = ["wrong.blind_path", "wrong.fire_lane", "wrong.pavement", "wrong.no_parking", "wrong.overstay", "wrong.bay"];

export const VOID_REASONS: Word[] = [
  "void.urgent",
  "void.cloned",
  "void.rescue",
  "void.handled",
  "void.signage",
  "void.unclear",
  "void.misread",
];

export const PURPOSES: Word[] = ["plates.why.review", "plates.why.on_site", "plates.why.appeal", "plates.why.seizure"];

export type Act = "tow" | "detention" | "seizure";
export const ACTS: Act[] = ["tow", "detention", "seizure"];

/** The bases of the server's default configuration; it refuses any that is not in its own list. */
export const BASES: Record<Act, string[]> = {
  tow: ["道路交通安全法 第九十三条第二款"],
  detention: ["道路交通安全法 第八十九条", "道路交通安全法 第九十六条", "道路交通安全法 第一百条"],
  seizure: ["行政强制法 第二十二条"],
};

/** The wording that goes into the ledger. */
export function ledgerWording(word: Word): string {
  return WORDS[word].zh;
}

/** A reason of the ledger in the screen's language where it is one of ours, else as it was written. */
export function reasonWords(reason: string): string {
  const word = [...REASONS, ...VOID_REASONS].find((one) => ledgerWording(one) === reason);
  return word === undefined ? reason : t(word);
}
