// The first letters of Chinese names, so that 云和湖 is found by "yhh".

/** For each letter the first character of the pinyin order that begins with it; no syllable begins with i, u or v. */
const FIRSTS: readonly (readonly [string, string])[] = [
  ["a", "阿"], ["b", "八"], ["c", "嚓"], ["d", "咑"], ["e", "妸"], ["f", "发"], ["g", "旮"], ["h", "哈"], ["j", "丌"], ["k", "咔"],
  ["l", "垃"], ["m", "妈"], ["n", "拏"], ["o", "噢"], ["p", "妑"], ["q", "七"], ["r", "呥"], ["s", "仨"], ["t", "他"], ["w", "屲"],
  ["x", "夕"], ["y", "丫"], ["z", "帀"],
];

let order: Intl.Collator | null | undefined;

/** Sorts by sound; null where this browser knows no such order, and then nothing is found by letters. Slow to make, so only once somebody seeks. */
function bySound(): Intl.Collator | null {
  if (order !== undefined) return order;
  const collator = new Intl.Collator("zh-Hans-CN-u-co-pinyin");
  order = FIRSTS.every(([, first], place) => place === 0 || collator.compare(FIRSTS[place - 1]?.[1] ?? "", first) < 0) ? collator : null;
  return order;
}

const kept = new Map<string, string>();

/** The initials of a text: Chinese characters by their sound, all else as it stands, without spaces. */
export function initials(text: string): string {
  let letters = "";
  for (const character of text.normalize("NFKC").toLowerCase().replace(/\s+/g, "")) letters += initial(character);
  return letters;
}

function initial(character: string): string {
  if (!/\p{Script=Han}/u.test(character)) return character;
  let letter = kept.get(character);
  if (letter === undefined) {
    const sounds = bySound();
    letter = (sounds === null ? undefined : FIRSTS.findLast(([, first]) => sounds.compare(first, character) <= 0)?.[0]) ?? character;
    kept.set(character, letter);
  }
  return letter;
}
