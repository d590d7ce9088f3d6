// The list's place: a column on wide screens, a sheet over the map on phones that can be drawn up and down.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../i18n.ts";

export type SheetPlace = "half" | "list" | "map";

export const sheet = signal<SheetPlace>("half");

const UP: Record<SheetPlace, SheetPlace> = { map: "half", half: "list", list: "list" };
const DOWN: Record<SheetPlace, SheetPlace> = { list: "half", half: "map", map: "map" };
const DRAG_PX = 24;

export function Sheet({ children }: { children: ComponentChildren }) {
  const from = useRef<number | null>(null);
  const drag = (event: PointerEvent): void => {
    if (from.current === null) return;
    const moved = event.clientY - from.current;
    if (Math.abs(moved) < DRAG_PX) return;
    sheet.value = moved < 0 ? UP[sheet.value] : DOWN[sheet.value];
    from.current = null;
  };
  const place = sheet.value;
  return (
    <section class="sheet" aria-label={t("list.heading")}>
      <div class="handle">
        <button
          type="button"
          aria-pressed={place === "list"}
          onClick={() => (sheet.value = place === "list" ? "half" : "list")}
        >
          {t(place === "list" ? "sheet.half" : "sheet.list")}
        </button>
        <div
          class="grip"
          onPointerDown={(event) => {
            from.current = event.clientY;
            event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerUp={drag}
          onPointerCancel={() => (from.current = null)}
        >
          <span class="grip-bar" aria-hidden="true" />
        </div>
        <button
          type="button"
          aria-pressed={place === "map"}
          onClick={() => (sheet.value = place === "map" ? "half" : "map")}
        >
          {t(place === "map" ? "sheet.half" : "sheet.map")}
        </button>
      </div>
      <div class="sheet-body">{children}</div>
    </section>
  );
}
