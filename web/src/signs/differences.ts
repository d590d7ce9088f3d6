// How what a sign shows differs from what it should show, named line by line.
import type { Face, FaceLine, Panel } from "../types.ts";

export type Standing =
  | { kind: "same"; version: number }
  | { kind: "differs"; desired: number; confirmed: number; lines: { n: number; desired: string; confirmed: string }[] }
  | { kind: "unconfirmed"; desired: number }
  | { kind: "unwanted"; confirmed: number }
  | { kind: "nothing" };

/** Compares the desired with the confirmed face of a panel. */
export function standing({ desired, confirmed }: Panel): Standing {
  if (desired === null) return confirmed === null ? { kind: "nothing" } : { kind: "unwanted", confirmed: confirmed.version };
  if (confirmed === null) return { kind: "unconfirmed", desired: desired.version };
  const lines = differingLines(desired, confirmed);
  if (desired.version === confirmed.version && lines.length === 0) return { kind: "same", version: desired.version };
  return { kind: "differs", desired: desired.version, confirmed: confirmed.version, lines };
}

function differingLines(desired: Face, confirmed: Face): { n: number; desired: string; confirmed: string }[] {
  const most = Math.max(desired.lines.length, confirmed.lines.length);
  return Array.from({ length: most }, (_, i) => ({
    n: i + 1,
    desired: lineText(desired.lines[i]),
    confirmed: lineText(confirmed.lines[i]),
  })).filter((line) => line.desired !== line.confirmed);
}

/** How long a new face may take to reach a sign before the difference is trouble. */
const ON_ITS_WAY_S = 10;
/** A sign that confirmed nothing for this long is in trouble however often its face is renewed. */
const SILENT_S = 60;

/** True while a difference is only a new face on its way to the sign. */
export function onItsWay(wantedForS: number, confirmedAgoS: number | null): boolean {
  return wantedForS < ON_ITS_WAY_S && confirmedAgoS !== null && confirmedAgoS < SILENT_S;
}

/** A line as it reads on the sign. */
export function lineText(line: FaceLine | undefined): string {
  return line === undefined ? "" : `${line.label} ${line.text}`.trim();
}

/** True if a line shows another number than was counted, for a named reason. */
export function isAdjusted(line: FaceLine): boolean {
  return line.free !== null && line.text !== String(line.free) && (line.reason !== null || line.offset !== 0);
}
