// Permits for a time and a place, and the white list of vehicles on duty.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { serverNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { t, text } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { showPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { CityMap, Text } from "../types.ts";
import { Field, Reason, Told, useSending } from "./form.tsx";
import { Changes } from "./history.tsx";
import type { Permit } from "./types.ts";

interface Zone {
  id: string;
  name: Text;
}

async function zonesOf(): Promise<Zone[]> {
  const map = await ask<CityMap>("/api/v1/map").catch(() => null);
  const zones = (map?.features ?? []).filter(({ properties }) => properties?.kind === "zone");
  return zones.map(({ properties }) => ({ id: String(properties?.id), name: properties?.name as Text }));
}

export function Permits() {
  const [running, setRunning] = useState<Permit[] | null>(null);
  const [over, setOver] = useState<Permit[]>([]);
  const [zones, setZones] = useState<Zone[]>([]);
  const [fault, setFault] = useState("");
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<{ permits: Permit[] }>("/api/v1/permits?limit=500"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setRunning(got.done.permits);
    const past = await attempt(() => ask<{ permits: Permit[] }>("/api/v1/permits?over=true&limit=50"));
    if ("done" in past) setOver(past.done.permits);
  };
  useEffect(() => {
    void learn();
    void zonesOf().then(setZones);
  }, []);
  const zoneName = (id: string | null): string => (id === null ? t("admin.every_zone") : text(zones.find((zone) => zone.id === id)?.name) || id);
  return (
    <div class="two">
      <div class="stack">
        {(["white_list", "permit"] as const).map((kind) => {
          const own = (running ?? []).filter((permit) => permit.kind === kind);
          return (
            <section key={kind} class="card" data-permits={running === null ? "" : own.length} data-kind={kind}>
              <h2>{t(`admin.permits.${kind}`)}</h2>
              <p class="hint">{t(`admin.permits.${kind}_lead`)}</p>
              {fault !== "" && <p class="fault">{fault}</p>}
              {running !== null && own.length === 0 && <p class="empty">{t("admin.none")}</p>}
              <ul class="rows">
                {own.map((permit) => (
                  <Row key={permit.id} permit={permit} zone={zoneName(permit.zone)} ended={() => void learn()} />
                ))}
              </ul>
            </section>
          );
        })}
        {over.length > 0 && (
          <details class="card">
            <summary>
              <h2>{t("admin.permits.over", { n: over.length })}</h2>
            </summary>
            <ul class="rows">
              {over.map((permit) => (
                <Row key={permit.id} permit={permit} zone={zoneName(permit.zone)} />
              ))}
            </ul>
          </details>
        )}
      </div>
      <Grant zones={zones} granted={() => void learn()} />
    </div>
  );
}

function Row({ permit, zone, ended }: { permit: Permit; zone: string; ended?: () => void }) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const sending = useSending();
  const until = permit.ended_at ?? permit.to;
  const end = async (): Promise<void> => {
    const path = `/api/v1/permits/${encodeURIComponent(permit.id)}?reason=${encodeURIComponent(reason.trim())}`;
    if ((await sending.send(path, {}, t("admin.permit_ended"), { method: "DELETE" })) !== null) ended?.();
  };
  return (
    <li data-permit={permit.plate}>
      <div class="row-head">
        <div class="row-words">
          <p>
            <span class="plate">{showPlate(permit.plate)}</span> <span class="tag">{zone}</span>
          </p>
          <p class="hint">
            {t("admin.permit_time", { from: stamp(permit.from, timeZone.value).slice(0, 16), to: stamp(until, timeZone.value).slice(0, 16) })} · {permit.reason} · {permit.granted_by}
          </p>
        </div>
        <button type="button" class="button plain" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t("lot.close") : ended === undefined ? t("admin.history_short") : t("admin.change")}
        </button>
      </div>
      {open && (
        <div class="unfolded">
          {ended !== undefined && (
            <div class="stack">
              <Reason value={reason} set={setReason} wrong={sending.wrong} />
              <Told sending={sending} />
              <button type="button" class="button danger" data-act="end-permit" disabled={sending.busy || reason.trim() === ""} onClick={() => void end()}>
                {t("admin.end_permit")}
              </button>
            </div>
          )}
          <h3>{t("admin.history_of")}</h3>
          <Changes about="permit" id={permit.id} />
        </div>
      )}
    </li>
  );
}

/** Now and so many days on, as a field for day and time on the city's clocks has it. */
function field(ahead_days: number): string {
  return stamp(new Date(serverNowMs() + ahead_days * 86_400_000).toISOString(), timeZone.value).slice(0, 16).replace(" ", "T");
}

/** A field's day and time on the city's clocks as an instant; empty where it is none. */
function instant(local: string): string {
  const asked = Date.parse(`${local}:00Z`);
  if (Number.isNaN(asked)) return "";
  // What the city's clocks show at that instant of UTC tells how far they are apart.
  const shown = Date.parse(`${stamp(new Date(asked).toISOString(), timeZone.value).slice(0, 16).replace(" ", "T")}:00Z`);
  return new Date(asked - (shown - asked)).toISOString();
}

function Grant({ zones, granted }: { zones: Zone[]; granted: () => void }) {
  const empty = { kind: "permit", plate: "", zone: "", from: field(0), to: field(7), reason: "" };
  const [now, setNow] = useState(empty);
  const sending = useSending();
  const { wrong } = sending;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const json = {
      kind: now.kind,
      plate: now.plate,
      from: instant(now.from),
      to: instant(now.to),
      reason: now.reason,
      ...(now.kind === "white_list" || now.zone === "" ? {} : { zone: now.zone }),
    };
    if ((await sending.send("/api/v1/permits", json, t("admin.permit_granted"))) === null) return;
    setNow({ ...empty, kind: now.kind });
    granted();
  };
  return (
    <form class="card stack" name="grant-permit" onSubmit={(event) => void submit(event)} noValidate>
      <h2>{t("admin.grant")}</h2>
      <div class="chips" role="group" aria-label={t("admin.permit_kind")}>
        {(["permit", "white_list"] as const).map((kind) => (
          <button key={kind} type="button" class="chip" data-kind={kind} aria-pressed={now.kind === kind} onClick={() => setNow({ ...now, kind, to: field(kind === "permit" ? 7 : 365) })}>
            {t(`admin.permits.${kind}`)}
          </button>
        ))}
      </div>
      <Field name="plate" label={t("admin.plate")} wrong={wrong}>
        <input name="plate" autocapitalize="characters" spellcheck={false} value={now.plate} aria-invalid={wrong.plate !== undefined} onInput={(event) => setNow({ ...now, plate: event.currentTarget.value.toUpperCase() })} />
      </Field>
      {now.kind === "permit" && (
        <Field name="zone" label={t("super.zone")} wrong={wrong}>
          <select name="zone" value={now.zone} onChange={(event) => setNow({ ...now, zone: event.currentTarget.value })}>
            <option value="">{t("admin.every_zone")}</option>
            {zones.map((zone) => (
              <option key={zone.id} value={zone.id}>
                {text(zone.name)}
              </option>
            ))}
          </select>
        </Field>
      )}
      <div class="pair">
        <Field name="from" label={t("admin.from")} wrong={wrong}>
          <input name="from" type="datetime-local" value={now.from} onInput={(event) => setNow({ ...now, from: event.currentTarget.value })} />
        </Field>
        <Field name="to" label={t("admin.to")} wrong={wrong}>
          <input name="to" type="datetime-local" value={now.to} onInput={(event) => setNow({ ...now, to: event.currentTarget.value })} />
        </Field>
      </div>
      <Reason value={now.reason} set={(reason) => setNow({ ...now, reason })} wrong={wrong} />
      <Told sending={sending} />
      <button class="button" type="submit" disabled={sending.busy}>
        {t("admin.grant")}
      </button>
    </form>
  );
}
