// One sign: its panels as confirmed, their text, its health, and any difference from what it should show.
import { ageWords, secondsSince } from "../age.ts";
import { shownNowMs, tick } from "../clock.ts";
import { code, lang, t, text } from "../i18n.ts";
import type { Face, FaceLine, Panel, Sign } from "../types.ts";
import { isAdjusted, lineText, onItsWay, standing } from "./differences.ts";
import { wantedForS } from "./store.ts";

const ARROWS = { left: "←", ahead: "↑", right: "→", u_turn: "↶" } as const;
const PROTOCOLS: Record<string, string> = { mqtt_json: "MQTT", ntcip1203: "NTCIP 1203" };
const TONES = { ok: "info", failing: "bad", unreachable: "bad", unknown: "none" } as const;
const MARKS = { ok: "✓", failing: "✕", unreachable: "✕", unknown: "–" } as const;

export function SignCard({ sign }: { sign: Sign }) {
  const { state, detail, since } = sign.health;
  const seconds = secondsSince(since, shownNowMs());
  return (
    <li class="card sign" data-sign={sign.id} data-health={state}>
      <div class="sign-head">
        <h3>{text(sign.name)}</h3>
        <span class="tag" data-tone={TONES[state]}>
          <span aria-hidden="true">{MARKS[state]}</span> {t(`health.${state}`)}
        </span>
      </div>
      <p class="hint">
        {sign.id} · {PROTOCOLS[sign.protocol] ?? sign.protocol} · {t("signs.heading_deg", { deg: Math.round(sign.heading_deg) })}
        {seconds !== null && state !== "ok" && ` · ${t("signs.since", { age: ageWords(seconds, lang.value) })}`}
      </p>
      {detail !== null && <p class={state === "ok" ? "hint" : "fault"}>{detail}</p>}
      {sign.panels.map((panel) => (
        <PanelView key={panel.id} sign={sign} panel={panel} />
      ))}
    </li>
  );
}

function PanelView({ sign, panel }: { sign: Sign; panel: Panel }) {
  const { confirmed } = panel;
  return (
    <figure class="panel" data-panel={panel.id} data-version={confirmed?.version ?? ""}>
      {confirmed === null ? (
        <p class="screen none">{t("signs.unconfirmed")}</p>
      ) : (
        <img
          class="screen"
          src={`${panel.image}?v=${confirmed.version}`}
          width={panel.width_px}
          height={panel.height_px}
          alt={t("signs.image", { sign: text(sign.name), panel: panel.id, lines: spoken(confirmed) })}
        />
      )}
      <figcaption>
        <p class="panel-meta">
          <span>{t("signs.panel", { id: panel.id })}</span>
          {confirmed !== null && <span>{t(`mode.${confirmed.mode}`)}</span>}
          <Confirmed at={panel.confirmed_at} />
        </p>
        {confirmed !== null && <Lines face={confirmed} />}
        <Difference sign={sign.id} panel={panel} />
      </figcaption>
    </figure>
  );
}

function Confirmed({ at }: { at: string | null }) {
  const seconds = secondsSince(at, shownNowMs());
  return seconds === null ? null : <span>{t("signs.confirmed", { age: ageWords(seconds, lang.value) })}</span>;
}

function Lines({ face }: { face: Face }) {
  return (
    <ul class="face">
      {face.lines.map((line, i) => (
        <li key={i}>
          <span class="face-arrow" aria-hidden="true">
            {line.arrow === null ? "" : ARROWS[line.arrow]}
          </span>
          <span class="face-label">{line.label}</span>
          <span class="level" data-level={line.state}>
            {line.text}
          </span>
          {isAdjusted(line) && <span class="face-why">{adjusted(line)}</span>}
        </li>
      ))}
    </ul>
  );
}

function adjusted(line: FaceLine): string {
  const reason = line.reason === null ? String(line.offset) : code("reason", line.reason);
  return t("signs.offset", { shown: line.text, free: line.free ?? "–", reason });
}

function Difference({ sign, panel }: { sign: string; panel: Panel }) {
  const now = standing(panel);
  const confirmedAgoS = secondsSince(panel.confirmed_at, shownNowMs());
  if (now.kind === "differs" && onItsWay(wantedForS(sign, panel.id, tick.value), confirmedAgoS)) {
    return <p class="same">… {t("signs.on_its_way")}</p>;
  }
  switch (now.kind) {
    case "nothing":
      return null;
    case "same":
      return <p class="same">✓ {t("signs.same")}</p>;
    case "unconfirmed":
      return <p class="differs">! {t("signs.wanted_none")}</p>;
    case "unwanted":
      return <p class="differs">! {t("signs.unwanted")}</p>;
    case "differs":
      return (
        <div class="differs">
          <p>! {t("signs.wanted")}</p>
          {now.lines.map((line) => (
            <p key={line.n}>{t("signs.line_differs", line)}</p>
          ))}
        </div>
      );
  }
}

function spoken(face: Face): string {
  const lines = face.lines.map((line) =>
    [line.arrow === null ? "" : t(`arrow.${line.arrow}`), lineText(line)].filter(Boolean).join(" "),
  );
  return lines.length === 0 ? t("signs.blank") : lines.join(lang.value === "zh" ? "，" : ", ");
}
