// How long what a display shows may stand: pure, so that it can be proved without a screen.

/** Without a word from the server for this long, a display no longer knows whether what it shows is still wanted. */
export const SILENCE_MS = 10_000;

export interface Held {
  /** When the server was last heard, by the screen's own clock, which never jumps. */
  heardMs: number;
  /** Until when the numbers may stand by the same clock; null if they do not age. */
  endMs: number | null;
}

/** Whether the face may still be shown; else the display falls back. */
export function mayStand(held: Held, nowMs: number): boolean {
  return nowMs - held.heardMs < SILENCE_MS && (held.endMs === null || nowMs < held.endMs);
}

/** Which page of a face is up. */
export function pageAt(pages: number, pageMs: number, nowMs: number): number {
  return pages <= 1 ? 0 : Math.floor(nowMs / Math.max(500, pageMs)) % pages;
}

/** The largest whole number of screen pixels a dot may have; below one, the panel is shrunk to fit. */
export function dotSize(panelWidths: number[], panelHeight: number, width: number, height: number): number {
  const dots = panelWidths.reduce((sum, wide) => sum + wide, 0);
  if (dots === 0 || panelHeight === 0) return 1;
  const most = Math.min(width / dots, height / panelHeight);
  return most >= 1 ? Math.floor(most) : most;
}
