// What an operator does by hand: closes a lot or opens it again, corrects its count, has a sign show something for a while.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt } from "../staff.tsx";
import type { Lot, LotsAnswer } from "../types.ts";
import { signs } from "./store.ts";

type Told = { fault: boolean; words: string } | null;

function Outcome({ told }: { told: Told }) {
  if (told === null) return null;
  return (
    <p class={told.fault ? "fault" : "saved"} role={told.fault ? "alert" : "status"} data-told={told.fault ? "fault" : "done"}>
      {told.words}
    </p>
  );
}

/** Runs one act at a time and says what it came to. */
function useAct(): [Told, boolean, (work: () => Promise<unknown>, done: string) => Promise<boolean>] {
  const [told, setTold] = useState<Told>(null);
  const [busy, setBusy] = useState(false);
  const act = async (work: () => Promise<unknown>, done: string): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    const got = await attempt(work);
    setBusy(false);
    setTold("fault" in got ? { fault: true, words: got.fault } : { fault: false, words: done });
    return "done" in got;
  };
  return [told, busy, act];
}

export function LotActs() {
  const [lots, setLots] = useState<Lot[]>([]);
  const [chosen, setChosen] = useState("");
  const [occupied, setOccupied] = useState("");
  const [reason, setReason] = useState("");
  const [told, busy, act] = useAct();
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<LotsAnswer>("/api/v1/lots"));
    if ("done" in got) setLots(got.done.lots);
  };
  useEffect(() => void learn(), []);
  const lot = lots.find(({ id }) => id === chosen);
  const send = async (what: object, done: string): Promise<void> => {
    const json = { ...what, reason: reason.trim() };
    if (await act(() => ask(`/api/v1/lots/${encodeURIComponent(chosen)}/actions`, { method: "POST", json }), done)) {
      setOccupied("");
      await learn();
    }
  };
  const isReady = lot !== undefined && reason.trim() !== "" && !busy;
  return (
    <section class="card acts" aria-labelledby="lot-acts">
      <h2 id="lot-acts">{t("acts.lots")}</h2>
      <label class="field">
        <span>{t("acts.lot")}</span>
        <select name="lot" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value="">{t("plates.choose")}</option>
          {lots.map((one) => (
            <option key={one.id} value={one.id}>
              {text(one.name)}
            </option>
          ))}
        </select>
      </label>
      {lot !== undefined && (
        <p class="hint" data-standing={lot.level}>
          {t("acts.standing", { level: t(`level.${lot.level}`), free: lot.free, capacity: lot.capacity })}
        </p>
      )}
      <label class="field">
        <span>
          {t("review.reason")} <small>{t("acts.reason_hint")}</small>
        </span>
        <input name="lot-reason" maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="act-buttons">
        <button type="button" class="button danger" data-act="close" disabled={!isReady} onClick={() => void send({ action: "close", closed: true }, t("acts.closed"))}>
          {t("acts.close")}
        </button>
        <button type="button" class="button plain" data-act="open" disabled={!isReady} onClick={() => void send({ action: "close", closed: false }, t("acts.opened"))}>
          {t("acts.open")}
        </button>
      </div>
      <div class="act-count">
        <label class="field">
          <span>{t("acts.count")}</span>
          <input name="occupied" type="number" inputMode="numeric" min={0} max={lot?.capacity} value={occupied} onInput={(event) => setOccupied(event.currentTarget.value)} />
        </label>
        <button
          type="button"
          class="button plain"
          data-act="correct"
          disabled={!isReady || occupied === ""}
          onClick={() => void send({ action: "correct", occupied: Number(occupied) }, t("acts.corrected"))}
        >
          {t("acts.correct")}
        </button>
      </div>
      <Outcome told={told} />
    </section>
  );
}

interface Order {
  id: string;
  signs: string[];
  mode: string;
  text: { zh?: string; en?: string } | null;
  reason: string;
  ends_at: string;
  in_force: boolean;
}

const MODES = ["text", "closed", "full", "fallback", "blank"] as const;
const MINUTES = [15, 60, 240, 1440] as const;

export function SignActs() {
  const [orders, setOrders] = useState<Order[]>([]);
  const [chosen, setChosen] = useState("");
  const [mode, setMode] = useState<string>("text");
  const [words, setWords] = useState("");
  const [minutes, setMinutes] = useState(60);
  const [reason, setReason] = useState("");
  const [told, busy, act] = useAct();
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<{ orders: Order[] }>("/api/v1/sign-messages?limit=50"));
    if ("done" in got) setOrders(got.done.orders.filter((order) => order.in_force));
  };
  useEffect(() => void learn(), []);
  const isReady = chosen !== "" && reason.trim() !== "" && (mode !== "text" || words.trim() !== "") && !busy;
  const begin = async (): Promise<void> => {
    const ends_at = new Date(serverNowMs() + minutes * 60_000).toISOString();
    const json = { mode, ends_at, reason: reason.trim(), ...(mode === "text" ? { text: words.trim() } : {}) };
    if (await act(() => ask(`/api/v1/signs/${encodeURIComponent(chosen)}/override`, { method: "POST", json }), t("acts.ordered"))) await learn();
  };
  const end = async (id: string): Promise<void> => {
    const why = encodeURIComponent(t("acts.ended_why"));
    if (await act(() => ask(`/api/v1/sign-messages/${encodeURIComponent(id)}?reason=${why}`, { method: "DELETE" }), t("acts.ended"))) await learn();
  };
  return (
    <section class="card acts" aria-labelledby="sign-acts">
      <h2 id="sign-acts">{t("acts.signs")}</h2>
      <label class="field">
        <span>{t("operator.signs")}</span>
        <select name="sign" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value="">{t("plates.choose")}</option>
          {(signs.value ?? []).map((sign) => (
            <option key={sign.id} value={sign.id}>
              {text(sign.name)} · {sign.id}
            </option>
          ))}
        </select>
      </label>
      <div class="chips" role="group" aria-label={t("acts.mode")}>
        {MODES.map((one) => (
          <button key={one} type="button" class="chip" data-mode={one} aria-pressed={mode === one} onClick={() => setMode(one)}>
            {one === "text" ? t("acts.text") : t(`mode.${one}`)}
          </button>
        ))}
      </div>
      {mode === "text" && (
        <label class="field">
          <span>{t("acts.words")}</span>
          <input name="sign-text" maxLength={60} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
      )}
      <div class="chips" role="group" aria-label={t("acts.until")}>
        {MINUTES.map((one) => (
          <button key={one} type="button" class="chip" aria-pressed={minutes === one} onClick={() => setMinutes(one)}>
            {one < 60 ? t("acts.minutes", { n: one }) : t("acts.hours", { n: one / 60 })}
          </button>
        ))}
      </div>
      <label class="field">
        <span>
          {t("review.reason")} <small>{t("acts.public_hint")}</small>
        </span>
        <input name="sign-reason" maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="act-buttons">
        <button type="button" class="button" data-act="order" disabled={!isReady} onClick={() => void begin()}>
          {t("acts.order")}
        </button>
      </div>
      <Outcome told={told} />
      <ul class="plain-list" data-orders={orders.length}>
        {orders.map((order) => (
          <li key={order.id}>
            <div>
              <p>
                {order.signs.join(", ") || t("acts.all_signs")} · {order.mode === "text" ? text(order.text) : code("mode", order.mode)}
              </p>
              <p class="hint">
                {t("signs.order.until", { at: stamp(order.ends_at, timeZone.value).slice(0, 16) })} · {order.reason}
              </p>
            </div>
            <button type="button" class="button plain" disabled={busy} onClick={() => void end(order.id)}>
              {t("acts.end")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
