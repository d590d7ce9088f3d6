// The reasons and purposes an officer chooses from; what is sent is the Chinese wording, the ledger's language.
import { WORDS, type Word } from "../dictionary.ts";
import { code, t } from "../i18n.ts";

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

/** The wording that goes into the ledger. */
export function ledgerWording(word: Word): string {
  return WORDS[word].zh;
}

/** A reason of the ledger in the screen's language where it is one of ours, else as it was written. */
export function reasonWords(reason: string): string {
  const word = [...REASONS, ...VOID_REASONS].find((one) => ledgerWording(one) === reason);
  return word === undefined ? reason : t(word);
}

/** A ground of a legal basis in words; one the server's own configuration brings is shown as it stands. */
export function groundWords(ground: string): string {
  return code("ground", ground);
}
