// Open matters on the map with the cells they lie in; a mark opens its matter.
import { t, text } from "../i18n.ts";
import { Ground, type Mark } from "./ground.tsx";
import { cellShapes } from "./cells.ts";
import { chosen, clockTone, clockWords, kit, open, shown } from "./store.ts";

export function MatterMap({ choose }: { choose(): void }) {
  const counts = new Map<string, number>();
  for (const matter of shown.value) if (matter.cell !== null) counts.set(matter.cell, (counts.get(matter.cell) ?? 0) + 1);
  const marks: Mark[] = shown.value.flatMap((matter) => {
    if (matter.location === null) return [];
    const tone = clockTone(matter);
    return [{ id: matter.id, at: matter.location, tone: tone === "bad" ? "bad" : tone === "warn" ? "warn" : "info", label: `${text(matter.category_name)} · ${clockWords(matter)}` } as const];
  });
  const pick = (id: string): void => {
    void open(id);
    choose();
  };
  return (
    <section class="map-tab" data-map={marks.length}>
      <p class="hint">{t("matters.count", { n: shown.value.length })}</p>
      <Ground label={t("matters.map.label")} marks={marks} shapes={cellShapes(kit.value?.cells ?? [], (id) => Math.min(2, counts.get(id) ?? 0))} start={null} reach={1_900} chosen={chosen.value} pick={pick} />
    </section>
  );
}
