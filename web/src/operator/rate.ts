// Reads the node's Prometheus text: the sum of a counter over its labels, and how fast it grows.

/** The sum of all series of a counter; null if there is none. */
export function total(text: string, name: string): number | null {
  let sum: number | null = null;
  for (const line of text.split("\n")) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    if (!rest.startsWith("{") && !rest.startsWith(" ")) continue;
    const value = Number(rest.slice(rest.lastIndexOf(" ") + 1));
    if (Number.isFinite(value)) sum = (sum ?? 0) + value;
  }
  return sum;
}

export interface Look {
  at: number;
  messages: number;
}

/** Messages a second between two looks; a counter that fell back has begun anew. */
export function perSecond(before: Look, now: Look): number | null {
  const seconds = (now.at - before.at) / 1000;
  if (seconds <= 0) return null;
  const grown = now.messages >= before.messages ? now.messages - before.messages : now.messages;
  return grown / seconds;
}
