// The bays of a lot as a plan, drawn from their outlines: turned so that it lies flat, each bay told by colour and sign.
import { code, t } from "../i18n.ts";
import type { Space } from "../types.ts";
import { laidOut, type Drawn } from "./layout.ts";
import { bays } from "./store.ts";

const SIGNS: Record<string, string> = { disabled: "♿", charging: "⚡", loading: "⇅", taxi: "T", family: "♥" };

export type BayState = "free" | "occupied" | "unknown" | "out";

export function stateOf(bay: Space): BayState {
  return bay.out_of_service ? "out" : bay.state;
}

export function Plan() {
  const all = bays.value;
  const plan = laidOut(all);
  if (all.length === 0) return null;
  const count = (state: BayState): number => all.filter((bay) => stateOf(bay) === state).length;
  const counts = (["free", "occupied", "unknown", "out"] as const).filter((state) => count(state) > 0);
  return (
    <section class="card" aria-labelledby="plan-heading">
      <h2 id="plan-heading">{t("lot.plan")}</h2>
      <ul class="plan-legend">
        {counts.map((state) => (
          <li key={state}>
            <svg class="bay-key" viewBox="0 0 20 14" aria-hidden="true" data-state={state}>
              <rect x="1" y="1" width="18" height="12" rx="2" />
              {state === "occupied" && <path d="M6 4l8 6M14 4l-8 6" />}
            </svg>
            {t(`bay.${state}`)} <strong>{count(state)}</strong>
          </li>
        ))}
      </ul>
      {plan !== null && (
        <div class="plan" role="group" tabIndex={0} aria-labelledby="plan-heading">
          <svg
            viewBox={`0 0 ${plan.width.toFixed(1)} ${plan.height.toFixed(1)}`}
            style={{ minWidth: `${Math.min(1400, Math.round(plan.width * 5))}px` }}
            role="img"
            aria-label={t("lot.plan_words", { free: count("free"), all: all.length })}
          >
            {plan.bays.map((drawn) => (
              <Bay key={drawn.bay.id} drawn={drawn} />
            ))}
          </svg>
        </div>
      )}
    </section>
  );
}

function Bay({ drawn: { bay, points, middle, size } }: { drawn: Drawn }) {
  const state = stateOf(bay);
  const [x, y] = middle;
  const use = bay.uses[0];
  const arm = size * 0.22;
  return (
    <g class="bay" data-bay={bay.id} data-state={state}>
      <title>
        {bay.id} · {t(`bay.${state}`)}
        {bay.uses.map((one) => ` · ${code("use", one)}`).join("")}
      </title>
      <polygon points={points.map(([px, py]) => `${px.toFixed(2)},${py.toFixed(2)}`).join(" ")} />
      {state === "occupied" && <path d={`M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x + arm} ${y - arm}L${x - arm} ${y + arm}`} />}
      {use !== undefined && state !== "occupied" && (
        <text x={x} y={y} font-size={size * 0.6}>
          {SIGNS[use] ?? ""}
        </text>
      )}
    </g>
  );
}
