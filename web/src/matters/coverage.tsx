// How much of the town the grid covers: square kilometres, gaps, overlaps, and what lies outside.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { attempt } from "../staff.tsx";
import type { LonLat } from "../types.ts";
import { cellShapes } from "./cells.ts";
import { Ground, type Mark } from "./ground.tsx";
import { kit } from "./store.ts";

interface Covered {
  cells: number;
  without_code: string[];
  covered_km2: number;
  gaps: { area_m2: number; at: LonLat }[];
  overlaps: { cells: [string, string]; area_m2: number; at: LonLat }[];
  strays: { kind: string; id: string }[];
}

export function Coverage() {
  const [covered, setCovered] = useState<Covered | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    void attempt(() => ask<Covered>("/api/v1/grid/coverage")).then((got) => ("done" in got ? setCovered(got.done) : setFault(got.fault)));
  }, []);
  if (covered === null) return fault === "" ? null : <p class="fault">{fault}</p>;
  const marks: Mark[] = [
    ...covered.gaps.map(({ area_m2, at }, i) => ({ id: `gap${i}`, at, tone: "bad" as const, label: `${t("grid.gaps")} ${t("grid.m2", { n: area_m2 })}` })),
    ...covered.overlaps.map(({ cells, area_m2, at }) => ({ id: cells.join("/"), at, tone: "warn" as const, label: `${cells.join(" / ")} ${t("grid.m2", { n: area_m2 })}` })),
  ];
  const tiles = [
    [t("grid.covered"), `${covered.covered_km2.toFixed(2)} km²`],
    [t("grid.cells"), covered.cells],
    [t("grid.gaps"), covered.gaps.length],
    [t("grid.overlaps"), covered.overlaps.length],
    [t("grid.strays"), covered.strays.length],
    [t("grid.no_code"), covered.without_code.length],
  ] as const;
  return (
    <section class="grid-tab" data-grid={covered.cells}>
      <dl class="tiles">
        {tiles.map(([name, figure]) => (
          <div key={name} class="card tile">
            <dt>{name}</dt>
            <dd>{figure}</dd>
          </div>
        ))}
      </dl>
      <div class="two">
        <Ground label={t("matters.tab.grid")} marks={marks} shapes={cellShapes(kit.value?.cells ?? [], () => 0)} start={null} reach={1_900} />
        <div class="card">
          {marks.length === 0 && <p>✓ {t("grid.well")}</p>}
          <ul class="lines">
            {marks.map((mark) => (
              <li key={mark.id}>
                <span class="tag" data-tone={mark.tone}>
                  {mark.label}
                </span>
              </li>
            ))}
            {covered.strays.map(({ kind, id }) => (
              <li key={`${kind} ${id}`} class="hint">
                {t("grid.strays")} · {code("stray", kind)} {id}
              </li>
            ))}
          </ul>
        </div>
      </div>
    </section>
  );
}
