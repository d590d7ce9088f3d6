// One sign: its panels as confirmed, their text, its health, and any difference from what it should show.
import { ageWords, durationWords, secondsSince } from "../age.ts";
import { shownNowMs, tick } from "../clock.ts";
import { code, lang, t, text } from "../i18n.ts";
import { pageAt } from "../display/standing.ts";
import type { Basis, Face, FaceLine, Panel, Sign, SignOrder } from "../types.ts";
import { MARKS, Parts, Steps, TONES, Trouble } from "./health.tsx";
import { isAdjusted, lineText, onItsWay, standing } from "./differences.ts";
import { chosen, wantedForS } from "./store.ts";

const ARROWS = { left: "←", ahead: "↑", right: "→", u_turn: "↶" } as const;
const PROTOCOLS: Record<string, string> = {
  mqtt_json: "MQTT",
  http_pull: "HTTP",
  ntcip1203: "NTCIP 1203",
  onbon: "Onbon",
  xunpeng: "Xunpeng",
  modbus: "Modbus",
};

export function SignCard({ sign }: { sign: Sign }) {
  const { state, detail, since } = sign.health;
  const seconds = secondsSince(since, shownNowMs());
  return (
    <li class="card sign" data-sign={sign.id} data-health={state} data-chosen={chosen.value === sign.id}>
      <div class="sign-head">
        <h3>
          <button type="button" class="sign-name" title={t("signs.show_on_map", { name: text(sign.name) })} onClick={() => (chosen.value = sign.id)}>
            {text(sign.name)}
          </button>
        </h3>
        <span class="tag" data-tone={TONES[state]}>
          <span aria-hidden="true">{MARKS[state]}</span> {t(`health.${state}`)}
        </span>
      </div>
      <p class="hint">
        {sign.id} · {t(`signs.level.${sign.level}`)} · {PROTOCOLS[sign.protocol] ?? sign.protocol} · {t("signs.heading_deg", { deg: Math.round(sign.heading_deg) })}
        {seconds !== null && state !== "ok" && ` · ${t("signs.since", { span: durationWords(seconds, lang.value) })}`}
      </p>
      <Orders orders={sign.orders} />
      {state === "ok" && sign.device === null && detail !== null && <p class="hint">{detail}</p>}
      <Trouble sign={sign} />
      {sign.panels.map((panel) => (
        <PanelView key={panel.id} sign={sign} panel={panel} />
      ))}
      {sign.device !== null && <Parts device={sign.device} />}
    </li>
  );
}

function PanelView({ sign, panel }: { sign: Sign; panel: Panel }) {
  const { confirmed } = panel;
  const pages = panel.confirmed_pages;
  const page = confirmed === null ? 0 : pageAt(pages, confirmed.page_ms, tick.value);
  return (
    <figure class="panel" data-panel={panel.id} data-version={confirmed?.version ?? ""}>
      {confirmed === null ? (
        <p class="screen none">{t("signs.unconfirmed")}</p>
      ) : (
        <img
          class="screen"
          src={`${panel.image}?v=${confirmed.version}&page=${page}`}
          width={panel.width_px}
          height={panel.height_px}
          alt={t("signs.image", { sign: text(sign.name), panel: panel.id, lines: spoken(confirmed) })}
        />
      )}
      <figcaption>
        <p class="panel-meta">
          <span>{t("signs.panel", { id: panel.id })}</span>
          {confirmed !== null && <span>{t(`mode.${confirmed.mode}`)}</span>}
          {pages > 1 && <span>{t("signs.page", { n: page + 1, all: pages })}</span>}
          {confirmed?.brightness_percent !== undefined && <span>{t("signs.brightness", { percent: confirmed.brightness_percent })}</span>}
        </p>
        <Steps panel={panel} />
        {confirmed !== null && <Lines face={confirmed} basis={confirmed.source === "guidance" ? panel.basis : []} />}
        {panel.fault !== null && <p class="fault">{panel.fault}</p>}
        {/* What is wrong with the sign stands above; that it confirmed nothing is told by its steps. */}
        {(sign.health.state === "ok" || confirmed !== null) && <Difference sign={sign.id} panel={panel} />}
      </figcaption>
    </figure>
  );
}

function Orders({ orders }: { orders: SignOrder[] }) {
  return (
    <>
      {orders.map((order) => (
        <div key={order.id} class="order" data-priority={order.priority}>
          <p>
            <strong>{t(`signs.order.${order.priority}`)}</strong>
            {order.panel !== null && ` · ${t("signs.panel", { id: order.panel })}`} · {t("signs.order.until", { at: whenWords(order.ends_at) })}
          </p>
          <p>{t("signs.order.why", { reason: order.reason })}</p>
        </div>
      ))}
    </>
  );
}

/** The moment an order ends, by the reader's own clock: the day only where it is another. */
function whenWords(instant: string): string {
  const end = new Date(instant);
  const sameDay = end.toDateString() === new Date(tick.value).toDateString();
  const day = sameDay ? {} : ({ month: "2-digit", day: "2-digit" } as const);
  return new Intl.DateTimeFormat(lang.value === "zh" ? "zh-CN" : "en-GB", { ...day, hour: "2-digit", minute: "2-digit" }).format(end);
}

function Rest({ basis }: { basis: Basis }) {
  const seconds = secondsSince(basis.observed_at, shownNowMs());
  if (seconds === null) return <span class="face-why">{t("signs.basis_none")}</span>;
  const share = Math.round(basis.reporting_share * 100);
  return <span class="face-why">{t("signs.basis", { age: ageWords(seconds, lang.value), share })}</span>;
}

function Lines({ face, basis }: { face: Face; basis: Basis[] }) {
  return (
    <ul class="face">
      {face.lines.map((line, i) => (
        <li key={i}>
          <span class="face-arrow" aria-hidden="true">
            {line.arrow === null ? "" : ARROWS[line.arrow]}
          </span>
          <span class="face-label">{line.label}</span>
          {line.text !== "" && (
            <span class="level" data-level={line.state}>
              {line.text}
            </span>
          )}
          {isAdjusted(line) && <span class="face-why">{adjusted(line)}</span>}
          {line.free === null && line.reason !== null && <span class="face-why">{code("reason", line.reason)}</span>}
          {basis[i] !== undefined && basis[i].observed_at !== null && <Rest basis={basis[i]} />}
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
