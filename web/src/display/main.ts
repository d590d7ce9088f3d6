// The screen of a sign: asks for its face every second, draws it dot by dot, says what it shows, and falls back by itself.
import { ask } from "../http.ts";
import type { Panel, Sign } from "../types.ts";
import { dotSize, type Held, mayStand, pageAt } from "./standing.ts";

const EVERY_MS = 1000;
const PATIENCE_MS = 4000;

interface Screen {
  canvas: HTMLCanvasElement;
  version: number | null;
  pageMs: number;
  pages: ImageBitmap[];
  fallback: ImageBitmap | null;
  held: Held;
  drawn: string;
}

const sign = location.pathname.split("/")[4] ?? "";
const base = `/api/v1/signs/${sign}`;
// The screen's secret stands after the #, which a browser sends to nobody.
const secret = location.hash.slice(1);
const screens = new Map<string, Screen>();
const stage = document.getElementById("panels") as HTMLElement;

async function picture(panel: Panel, query: string): Promise<ImageBitmap> {
  const answer = await fetch(`${panel.image}?style=dots&${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`no picture: ${answer.status}`);
  return createImageBitmap(await answer.blob());
}

function screenOf(panel: Panel): Screen {
  const known = screens.get(panel.id);
  if (known !== undefined) return known;
  const canvas = document.createElement("canvas");
  canvas.width = panel.width_px;
  canvas.height = panel.height_px;
  canvas.dataset.panel = panel.id;
  stage.append(canvas);
  const screen = { canvas, version: null, pageMs: 4000, pages: [], fallback: null, held: { heardMs: -Infinity, endMs: null }, drawn: "" };
  screens.set(panel.id, screen);
  return screen;
}

/** Takes what a panel should show: all its pictures first, then the change, so that no half of a face is ever seen. */
async function take(panel: Panel, askedMs: number): Promise<void> {
  const face = panel.desired;
  if (face === null) return;
  const screen = screenOf(panel);
  if (screen.version !== face.version) {
    const wanted = Array.from({ length: panel.desired_pages }, (_, page) => picture(panel, `face=desired&page=${page}&v=${face.version}`));
    const [fallback, ...pages] = await Promise.all([picture(panel, `face=fallback&v=${face.version}`), ...wanted]);
    // Between the face and its pictures another face may have come: then the next round takes that one.
    const now = await ask<Sign>(base, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (now.panels.find((other) => other.id === panel.id)?.desired?.version !== face.version) return;
    Object.assign(screen, { version: face.version, pageMs: face.page_ms, pages, fallback: fallback ?? null });
  }
  screen.canvas.style.filter = face.brightness_percent == null ? "" : `brightness(${face.brightness_percent}%)`;
  const goodForMs = panel.desired_good_for_ms;
  // Counted from when the question was asked: an answer that was long on its way makes nothing younger.
  screen.held = { heardMs: askedMs, endMs: goodForMs === null ? null : askedMs + goodForMs };
  draw();
  // A page without the secret is somebody who looks: it shows the sign, and confirms nothing.
  if (secret !== "" && screen.drawn === `${face.version}`) {
    const told = { method: "POST" as const, bearer: secret, json: { panel: panel.id, version: face.version } };
    await ask(`${base}/shown`, { ...told, signal: AbortSignal.timeout(PATIENCE_MS) });
  }
}

function draw(): void {
  const nowMs = performance.now();
  const all = [...screens.values()];
  const widths = all.map((screen) => screen.canvas.width);
  const size = dotSize(widths, Math.max(0, ...all.map((screen) => screen.canvas.height)), innerWidth, innerHeight);
  for (const screen of all) {
    const stands = mayStand(screen.held, nowMs);
    const picture = stands ? screen.pages[pageAt(screen.pages.length, screen.pageMs, Date.now())] : screen.fallback;
    const pen = screen.canvas.getContext("2d");
    pen?.clearRect(0, 0, screen.canvas.width, screen.canvas.height);
    if (picture != null) pen?.drawImage(picture, 0, 0);
    screen.canvas.style.width = `${screen.canvas.width * size}px`;
    screen.drawn = stands && picture != null ? `${screen.version}` : "fallback";
    screen.canvas.dataset.shows = screen.drawn;
  }
}

async function round(): Promise<void> {
  const askedMs = performance.now();
  try {
    const now = await ask<Sign>(base, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const gone = [...screens.keys()].filter((id) => now.panels.every((panel) => panel.id !== id));
    for (const id of gone) {
      screens.get(id)?.canvas.remove();
      screens.delete(id);
    }
    await Promise.allSettled(now.panels.map((panel) => take(panel, askedMs)));
  } catch {
    // Nothing was heard: what stands goes on until its time is over, and `draw` sees to that.
  }
}

setInterval(draw, 250);
for (;;) {
  await round();
  await new Promise((after) => setTimeout(after, EVERY_MS));
}
