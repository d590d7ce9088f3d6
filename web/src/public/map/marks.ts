// The marks of lots on the map, drawn when the map first asks for one: shape, symbol and number tell the level, colour repeats it.
import type { Level, Lot } from "../../types.ts";
import { FONTS, PALETTES, type Palette, type Theme } from "./palette.ts";

const SCALE = 2;
const HEIGHT = 28;
const MARGIN = 3;

export interface MarkWords {
  full: string;
  closed: string;
}

/** The name of a lot's mark; equal names look equal. */
export function markName(lot: Lot, theme: Theme, words: MarkWords): string {
  const old = lot.quality === "stale" ? "old" : "new";
  return ["mark", theme, lot.level, old, labelOf(lot, words)].join("|");
}

function labelOf(lot: Lot, words: MarkWords): string {
  switch (lot.level) {
    case "free":
    case "few":
      return String(lot.free);
    case "full":
      return words.full;
    case "closed":
      return words.closed;
    case "no_data":
      return "–";
  }
}

/** Draws the mark of a name, or null if the name is none. */
export function drawMark(name: string): ImageData | null {
  const [kind, theme, level, age, label] = name.split("|") as [string, Theme, Level, string, string];
  if (kind !== "mark" || label === undefined) return null;
  const palette = PALETTES[theme];
  const pen = document.createElement("canvas").getContext("2d");
  if (pen === null) return null;
  const font = `700 14px ${FONTS.map((f) => (f.startsWith("-") || f === "sans-serif" ? f : `"${f}"`)).join(",")}`;
  pen.font = font;
  const symbol = level === "free" || level === "few" ? 13 : 0;
  const width = Math.max(HEIGHT, Math.ceil(pen.measureText(label).width) + symbol + 18);
  pen.canvas.width = (width + 2 * MARGIN) * SCALE;
  pen.canvas.height = (HEIGHT + 2 * MARGIN) * SCALE;
  pen.scale(SCALE, SCALE);
  pen.translate(MARGIN, MARGIN);
  const [fill, ink] = coloursOf(level, palette);
  outline(pen, level, width);
  pen.shadowColor = "rgba(0,0,0,.28)";
  pen.shadowBlur = 3 * SCALE;
  pen.shadowOffsetY = SCALE;
  pen.fillStyle = fill;
  pen.fill();
  pen.shadowColor = "transparent";
  pen.lineWidth = 2;
  pen.strokeStyle = level === "no_data" ? palette.off : palette.edge;
  if (level === "no_data" || age === "old") pen.setLineDash([4, 3]);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = pen.strokeStyle = ink;
  if (symbol > 0) drawSymbol(pen, level);
  pen.font = font;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(label, (width + symbol) / 2, HEIGHT / 2 + 5);
  return pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height);
}

export const MARK_SCALE = SCALE;

function coloursOf(level: Level, palette: Palette): [string, string] {
  switch (level) {
    case "free":
      return [palette.free, palette.onFree];
    case "few":
      return [palette.few, palette.onFew];
    case "full":
      return [palette.full, palette.onFull];
    case "closed":
      return [palette.off, palette.onOff];
    case "no_data":
      return [palette.surface, palette.ink];
  }
}

function outline(pen: CanvasRenderingContext2D, level: Level, width: number): void {
  pen.beginPath();
  if (level === "few") {
    // Pointed ends: a shape of its own between the round "plenty" and the square "full".
    const tip = 8;
    pen.moveTo(tip, 0);
    pen.lineTo(width - tip, 0);
    pen.lineTo(width, HEIGHT / 2);
    pen.lineTo(width - tip, HEIGHT);
    pen.lineTo(tip, HEIGHT);
    pen.lineTo(0, HEIGHT / 2);
    pen.closePath();
    pen.lineJoin = "round";
    return;
  }
  const radius = level === "full" || level === "closed" ? 2 : HEIGHT / 2;
  pen.roundRect(0, 0, width, HEIGHT, radius);
}

function drawSymbol(pen: CanvasRenderingContext2D, level: Level): void {
  const middle = HEIGHT / 2;
  pen.lineWidth = 2.2;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.beginPath();
  if (level === "free") {
    pen.moveTo(9, middle + 0.5);
    pen.lineTo(12, middle + 3.5);
    pen.lineTo(17, middle - 3.5);
  } else {
    pen.moveTo(13, middle - 5);
    pen.lineTo(13, middle + 1);
    pen.moveTo(13, middle + 4.6);
    pen.lineTo(13, middle + 4.7);
  }
  pen.stroke();
}

/** A tile of slanting lines for zones where nobody may park. */
export function drawHatch(colour: string): ImageData | null {
  const side = 16;
  const pen = document.createElement("canvas").getContext("2d");
  if (pen === null) return null;
  pen.canvas.width = pen.canvas.height = side;
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  for (const from of [-side, 0, side]) {
    pen.moveTo(from, side);
    pen.lineTo(from + side, 0);
  }
  pen.stroke();
  return pen.getImageData(0, 0, side, side);
}
