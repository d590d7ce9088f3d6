// Draws the curves of a day; fetched when the page has something to draw.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Curves } from "./curves.ts";

export interface ChartWords {
  today: string;
  usual: string;
  expected: string;
}

export interface Drawing {
  show(curves: Curves, capacity: number): void;
  destroy(): void;
}

const HEIGHT = 220;

/** Draws into `place`, on the clocks of `zone`, in the colours the page has now. */
export function draw(place: HTMLElement, curves: Curves, capacity: number, zone: string, words: ChartWords): Drawing {
  const colour = (name: string): string => getComputedStyle(place).getPropertyValue(`--${name}`).trim();
  const hour = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clock = (at: number): string => hour.format(new Date(at * 1000));
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: colour("ink-2"), font, ticks: { show: false }, grid: { stroke: colour("line"), width: 1 } };
  let most = capacity;
  // One scale for all three: a lot's places.
  const range = (): [number, number] => [0, Math.max(most, 1) * 1.04];
  const line = (label: string, stroke: string, width: number, dash: number[], fill?: string): uPlot.Series => ({
    label,
    stroke,
    width,
    dash,
    spanGaps: true,
    points: { show: false },
    ...(fill === undefined ? {} : { fill }),
  });
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [10, 14, 0, 0],
      cursor: { drag: { x: false, y: false } },
      legend: { show: false },
      scales: { x: { time: true }, y: { range } },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      axes: [
        { ...axis, values: (_, ticks) => ticks.map(clock), space: 52, size: 30, gap: 8 },
        { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000] },
      ],
      series: [
        {},
        line(words.usual, colour("off"), 2, [6, 4]),
        line(words.today, colour("free"), 2.5, [], `color-mix(in srgb, ${colour("free")} 14%, transparent)`),
        line(words.expected, colour("free"), 2.5, [2, 4]),
      ],
      plugins: [readout(clock, words)],
    },
    inOrder(curves),
    place,
  );
  const watcher = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
  watcher.observe(place);
  return {
    show(next, capacityNow) {
      most = capacityNow;
      plot.setData(inOrder(next));
    },
    destroy() {
      watcher.disconnect();
      plot.destroy();
    },
  };
}

function inOrder(curves: Curves): uPlot.AlignedData {
  return [curves.at, curves.usual, curves.today, curves.expected];
}

/** What stands at the moment under the pointer, in words above the chart. */
function readout(clock: (at: number) => string, words: ChartWords): uPlot.Plugin {
  const told = document.createElement("p");
  told.className = "chart-readout";
  told.setAttribute("aria-hidden", "true");
  return {
    hooks: {
      ready: (plot) => plot.root.append(told),
      setCursor: (plot) => {
        const place = plot.cursor.idx;
        const at = place === null || place === undefined ? undefined : plot.data[0][place];
        if (at === undefined || (plot.cursor.left ?? -1) < 0) {
          told.textContent = "";
          return;
        }
        // Between its own points a curve is told by the nearest one.
        const near = (series: number): number | null => nearest(plot.data[series] as (number | null)[], place as number);
        const parts = [[words.today, near(2)], [words.usual, near(1)], [words.expected, (plot.data[3] as (number | null)[])[place as number] ?? null]];
        told.textContent = [clock(at), ...parts.flatMap(([word, free]) => (free === null ? [] : [`${word} ${free}`]))].join(" · ");
      },
    },
  };
}

const NEAR = 3;

function nearest(values: (number | null)[], place: number): number | null {
  for (let away = 0; away <= NEAR; away += 1) {
    const found = values[place - away] ?? values[place + away];
    if (found !== null && found !== undefined) return found;
  }
  return null;
}
