// Gives a map the pictures its style names, drawn when it first asks for one.
import type { Map as MapView } from "maplibre-gl";
import { drawEntrance, drawGoal, drawHatch, drawMark, drawSign, MARK_SCALE } from "./marks.ts";
import { HATCH } from "./base.ts";
import { PALETTES, type Theme } from "./palette.ts";

/** From now on. */
export function supply(map: MapView): void {
  map.setMissingStyleImageResolver((name) => {
    const image = picture(name);
    if (image !== null && !map.hasImage(name)) map.addImage(name, image, { pixelRatio: MARK_SCALE });
  });
}

function picture(name: string): ImageData | null {
  const [kind, theme, rest] = name.split("|") as [string, Theme, string];
  switch (kind) {
    case HATCH:
      return drawHatch(PALETTES[theme].zone);
    case "entrance":
      return drawEntrance(theme);
    case "goal":
      return drawGoal(theme);
    case "sign":
      return drawSign(theme, rest);
    default:
      return drawMark(name);
  }
}
