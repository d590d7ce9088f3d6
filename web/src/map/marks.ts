// The marks of lots on the map, drawn when the map first asks for one: shape, symbol and number tell the level, colour repeats it.
import type { Level, Lot } from "../types.ts";
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
  if ((kind !== "mark" && kind !== "cluster") || label === undefined) return null;
  const palette = PALETTES[theme];
  // Several lots under one mark look like a pile: the same shape once more behind it.
  const pile = kind === "cluster" ? 4 : 0;
  const pen = document.createElement("canvas").getContext("2d");
  if (pen === null) return null;
  const font = `700 14px ${FONTS.map((f) => (f.startsWith("-") || f === "sans-serif" ? f : `"${f}"`)).join(",")}`;
  pen.font = font;
  const symbol = level === "free" || level === "few" ? 13 : 0;
  const width = Math.max(HEIGHT, Math.ceil(pen.measureText(label).width) + symbol + 18);
  pen.canvas.width = (width + 2 * MARGIN + 2 * pile) * SCALE;
  pen.canvas.height = (HEIGHT + 2 * MARGIN + 2 * pile) * SCALE;
  pen.scale(SCALE, SCALE);
  pen.translate(MARGIN + pile, MARGIN + pile);
  const [fill, ink] = coloursOf(level, palette);
  if (pile > 0) {
    pen.translate(pile, -pile);
    outline(pen, level, width);
    pen.fillStyle = fill;
    pen.globalAlpha = 0.75;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.strokeStyle = palette.edge;
    pen.stroke();
    pen.translate(-pile, pile);
  }
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

/** An entrance: an arrow into a gate. */
export function drawEntrance(theme: Theme): ImageData | null {
  const palette = PALETTES[theme];
  return drawn(22, 22, (pen) => {
    pen.beginPath();
    pen.roundRect(1, 1, 20, 20, 5);
    pen.fillStyle = palette.surface;
    pen.fill();
    pen.lineWidth = 1.6;
    pen.strokeStyle = palette.off;
    pen.stroke();
    pen.strokeStyle = palette.ink;
    pen.lineWidth = 2;
    pen.lineCap = pen.lineJoin = "round";
    pen.stroke(new Path2D("M5 11h8M10 7.5l3.5 3.5-3.5 3.5M16.5 6v10"));
  });
}

/** Where the reader wants to go: a flag in a drop. */
export function drawGoal(theme: Theme): ImageData | null {
  const palette = PALETTES[theme];
  return drawn(34, 42, (pen) => {
    pen.fillStyle = palette.ink;
    pen.strokeStyle = palette.surface;
    pen.lineWidth = 2;
    const drop = new Path2D("M17 40C12 31 3 26 3 16a14 14 0 0 1 28 0c0 10-9 15-14 24z");
    pen.fill(drop);
    pen.stroke(drop);
    pen.fillStyle = pen.strokeStyle = palette.surface;
    pen.lineCap = "round";
    pen.stroke(new Path2D("M13 8v16"));
    pen.fill(new Path2D("M13 8l10 3.5-10 4z"));
  });
}

/** A sign on its post: lit where it is well, crossed where it fails, hollow where nobody hears it. */
export function drawSign(theme: Theme, health: string): ImageData | null {
  const palette = PALETTES[theme];
  return drawn(32, 30, (pen) => {
    const ok = health === "ok";
    pen.lineWidth = 2;
    pen.strokeStyle = palette.surface;
    pen.fillStyle = ok ? "#10201b" : health === "failing" ? palette.full : palette.surface;
    const board = new Path2D();
    board.roundRect(2, 2, 28, 17, 3);
    pen.stroke(new Path2D("M16 19v9"));
    pen.strokeStyle = palette.off;
    pen.stroke(new Path2D("M16 19v9"));
    pen.fill(board);
    if (!ok && health !== "failing") pen.setLineDash([4, 3]);
    pen.strokeStyle = ok || health === "failing" ? palette.board : palette.off;
    pen.stroke(board);
    pen.setLineDash([]);
    pen.lineCap = "round";
    pen.lineWidth = 2.4;
    pen.strokeStyle = ok ? "#ffcb3d" : health === "failing" ? palette.onFull : palette.ink;
    const sign = ok ? "M7 8h11M7 13h7M22 13h3M22 8h3" : health === "failing" ? "M12.5 7l7 7M19.5 7l-7 7" : "M12 10.5h8";
    pen.stroke(new Path2D(sign));
  });
}

function drawn(width: number, height: number, draw: (pen: CanvasRenderingContext2D) => void): ImageData | null {
  const pen = document.createElement("canvas").getContext("2d");
  if (pen === null) return null;
  pen.canvas.width = width * SCALE;
  pen.canvas.height = height * SCALE;
  pen.scale(SCALE, SCALE);
  draw(pen);
  return pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height);
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
