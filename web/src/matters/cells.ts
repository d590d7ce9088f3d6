// Cells as shapes for the small map.
import { text } from "../i18n.ts";
import type { Shape } from "./ground.tsx";
import type { CellFacts } from "./types.ts";

export function cellShapes(cells: CellFacts[], tone: (id: string) => number): Shape[] {
  return cells.map((cell) => ({
    id: cell.id,
    name: text(cell.name),
    rings: (cell.area.type === "Polygon" ? [cell.area.coordinates] : cell.area.coordinates).map((rings) => rings[0] ?? []),
    tone: tone(cell.id),
  }));
}
