// What may stand on a Chinese number plate, cell by cell, and how the officer's keypad fills it.

export const PROVINCES = [..."京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"];
export const DIGITS = [..."1234567890"];
/** No I and no O: they are not used on plates. */
export const LETTERS = [..."QWERTYUPASDFGHJKLZXCVBNM"];
/** Characters that only end a plate: school, police, hanging trailer, Hong Kong, Macao, consulate, embassy. */
export const TAILS = [..."学警挂港澳领使"];
/** Eight cells: seven on an ordinary plate, eight on a new-energy one. */
export const CELLS = 8;

export type KeyGroup = "provinces" | "digits" | "letters" | "tails";

/** Which keys make sense after what has been typed. */
export function keysAfter(plate: string): KeyGroup[] {
  const typed = [...plate].length;
  if (typed === 0) return ["provinces"];
  if (typed === 1) return ["letters"];
  if (typed >= CELLS) return [];
  if (TAILS.includes([...plate].at(-1) ?? "")) return [];
  return typed === 6 ? ["digits", "letters", "tails"] : ["digits", "letters"];
}

const KEYS: Record<KeyGroup, string[]> = {
  provinces: PROVINCES,
  digits: DIGITS,
  letters: LETTERS,
  tails: TAILS,
};

/** True if the key may follow what has been typed. */
export function mayFollow(plate: string, key: string): boolean {
  return keysAfter(plate).some((group) => KEYS[group].includes(key));
}

/** The plate after a key; unchanged where the key may not stand. */
export function press(plate: string, key: string): string {
  return mayFollow(plate, key) ? plate + key : plate;
}

/** The plate without its last character. */
export function erase(plate: string): string {
  return [...plate].slice(0, -1).join("");
}

/** A plate as typed or pasted: upper case, full-width forms folded, separators dropped, I and O read as 1 and 0. */
export function tidyPlate(typed: string): string {
  const [first = "", ...rest] = [...typed.normalize("NFKC").toUpperCase().replace(/[\s·•.\-_]/g, "")];
  return first + rest.join("").replace(/I/g, "1").replace(/O/g, "0");
}

export type PlateForm = "ordinary" | "new_energy" | "other" | "incomplete";

/** The form a plate has; `other` is a warning on the screen, never a refusal. */
export function plateForm(plate: string): PlateForm {
  const body = "[A-HJ-NP-Z0-9]";
  const province = `[${PROVINCES.join("")}]`;
  if (new RegExp(`^${province}[A-HJ-NP-Z]${body}{4}(?:${body}|[${TAILS.join("")}])$`).test(plate)) return "ordinary";
  if (new RegExp(`^${province}[A-HJ-NP-Z](?:[A-HJK]${body}\\d{4}|\\d{5}[A-HJK])$`).test(plate)) return "new_energy";
  return [...plate].length < 7 ? "incomplete" : "other";
}

/** A plate for the eye: a dot after the second character. */
export function showPlate(plate: string): string {
  return PROVINCES.includes([...plate][0] ?? "") ? `${plate.slice(0, 2)}·${plate.slice(2)}` : plate;
}
