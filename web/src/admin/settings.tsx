// What holds at run time: each setting with its fields, what the configuration says, and every version of it.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt } from "../staff.tsx";
import { Days } from "./days.tsx";
import { Field, Reason, Told, useSending, type Sending } from "./form.tsx";
import type { FieldSpec, Setting, Value, Version } from "./types.ts";

/** The settings of some names, in their order. */
export function Settings({ names, lead }: { names: string[]; lead: string }) {
  const [all, setAll] = useState<Setting[] | null>(null);
  const [fault, setFault] = useState("");
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<{ settings: Setting[] }>("/api/v1/admin/settings"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setAll(got.done.settings);
  };
  useEffect(() => void learn(), []);
  return (
    <div class="stack">
      <p class="hint lead">{lead}</p>
      {fault !== "" && <p class="fault">{fault}</p>}
      <div class="cards">
        {names.map((name) => {
          const setting = all?.find((one) => one.name === name);
          return setting === undefined ? null : <One key={`${name}-${setting.version}`} setting={setting} changed={() => void learn()} />;
        })}
      </div>
    </div>
  );
}

/** Whether the configuration or a row holds, since when, and why. */
export function Standing({ setting }: { setting: Setting }) {
  return (
    <p class="hint" data-version={setting.version}>
      <span class="tag" data-tone={setting.is_set ? "info" : ""}>
        {setting.is_set ? t("admin.version", { n: setting.version }) : t("admin.configured")}
      </span>{" "}
      {setting.set_at !== null && `${stamp(setting.set_at, timeZone.value).slice(0, 16)} · ${setting.set_by} · ${setting.reason}`}
    </p>
  );
}

function One({ setting, changed }: { setting: Setting; changed: () => void }) {
  const [now, setNow] = useState<Value>(setting.value ?? {});
  const [reason, setReason] = useState("");
  const sending = useSending();
  const path = `/api/v1/admin/settings/${setting.name}`;
  const send = async (what: object, done: string): Promise<void> => {
    if ((await sending.send(path, { ...what, based_on: setting.version, reason }, done)) !== null) changed();
  };
  const isSame = JSON.stringify(now) === JSON.stringify(setting.value);
  return (
    <form
      class="card stack setting"
      name={`setting-${setting.name}`}
      data-setting={setting.name}
      onSubmit={(event) => {
        event.preventDefault();
        void send({ value: now }, t("admin.in_force"));
      }}
      noValidate
    >
      <div>
        <h2>{code("setting", setting.name)}</h2>
        <p class="hint">{code("setting_lead", setting.name)}</p>
        <Standing setting={setting} />
      </div>
      {setting.name === "dwell" ? <Dwell now={now} set={setNow} sending={sending} /> : setting.fields.map((field) => <Input key={field.name} field={field} setting={setting} now={now} set={setNow} sending={sending} />)}
      <Reason value={reason} set={setReason} wrong={sending.wrong} />
      <Told sending={sending} />
      <div class="act-buttons">
        <button class="button" type="submit" data-act="save" disabled={sending.busy || isSame}>
          {t("admin.save")}
        </button>
        {setting.is_set && (
          <button class="button plain" type="button" data-act="configured" disabled={sending.busy} onClick={() => void send({ configured: true }, t("admin.back_to_configured"))}>
            {t("admin.to_configured")}
          </button>
        )}
      </div>
      <Versions name={setting.name} version={setting.version} restore={(version) => void send({ restore: version }, t("admin.in_force"))} busy={sending.busy} />
    </form>
  );
}

/** A number's text as it is sent; what is no number is sent as it is, and refused with the reason. */
function numberOf(text: string): number | string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

interface Inputs {
  now: Value;
  set: (next: Value) => void;
  sending: Sending;
}

function Input({ field, setting, now, set, sending }: Inputs & { field: FieldSpec; setting: Setting }) {
  const { name, holds } = field;
  const label = code("field", name);
  const was = setting.configured?.[name];
  const value = now[name] ?? null;
  const put = (next: Value[string]): void => set({ ...now, [name]: next });
  switch (holds.type) {
    case "whole": {
      const configured = was === null || was === undefined ? "–" : String(was);
      return (
        <Field name={name} label={label} hint={`${code("unit", holds.unit)} · ${t("admin.configured_as", { value: configured })}`} wrong={sending.wrong}>
          <input name={name} inputMode="numeric" value={value === null ? "" : String(value)} aria-invalid={sending.wrong[name] !== undefined} onInput={(event) => put(numberOf(event.currentTarget.value))} />
        </Field>
      );
    }
    case "word":
      return (
        <Field name={name} label={label} hint={t("admin.configured_as", { value: code("word", String(was)) })} wrong={sending.wrong}>
          <select name={name} value={String(value)} onChange={(event) => put(event.currentTarget.value)}>
            {holds.of.map((word) => (
              <option key={word} value={word}>
                {code("word", word)}
              </option>
            ))}
          </select>
        </Field>
      );
    case "text":
      return (
        <Field name={name} label={label} hint={t("admin.duty_hint")} wrong={sending.wrong}>
          <input name={name} value={String(value ?? "")} aria-invalid={sending.wrong[name] !== undefined} onInput={(event) => put(event.currentTarget.value)} />
        </Field>
      );
    case "days":
      return <Days name={name} label={label} days={(value as string[] | null) ?? []} set={put} wrong={sending.wrong} />;
  }
}

const CLASSES = [1, 2, 3, 4] as const;

/** One row for each class of streets. */
function Dwell({ now, set, sending }: Inputs) {
  const cell = (name: string, label: string) => (
    <td>
      <input name={name} inputMode="numeric" aria-label={label} placeholder={name.endsWith("dwell_s") ? t("admin.as_zone") : "0"} value={now[name] === null ? "" : String(now[name])} aria-invalid={sending.wrong[name] !== undefined} onInput={(event) => set({ ...now, [name]: numberOf(event.currentTarget.value) ?? (name.endsWith("grace_s") ? 0 : null) })} />
    </td>
  );
  return (
    <>
      <table class="dwell">
        <thead>
          <tr>
            <th scope="col">{t("admin.class")}</th>
            <th scope="col">{t("admin.allowed_s")}</th>
            <th scope="col">{t("admin.grace_s")}</th>
          </tr>
        </thead>
        <tbody>
          {CLASSES.map((n) => (
            <tr key={n}>
              <th scope="row">{t("review.class", { class: n })}</th>
              {cell(`class_${n}_dwell_s`, `${t("review.class", { class: n })} ${t("admin.allowed_s")}`)}
              {cell(`class_${n}_grace_s`, `${t("review.class", { class: n })} ${t("admin.grace_s")}`)}
            </tr>
          ))}
        </tbody>
      </table>
      {Object.entries(sending.wrong)
        .filter(([name]) => name.startsWith("class_"))
        .map(([name]) => (
          <Field key={name} name={name} label={t("admin.class_n", { n: name[6] ?? "" })} wrong={sending.wrong}>
            {null}
          </Field>
        ))}
    </>
  );
}

/** Every version of a setting, with the way back to it. */
export function Versions({ name, version, restore, busy }: { name: string; version: number; restore: (version: number) => void; busy: boolean }) {
  const [list, setList] = useState<Version[] | null>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return;
    void attempt(() => ask<{ versions: Version[] }>(`/api/v1/admin/settings/${name}`)).then((got) => {
      if ("done" in got) setList(got.done.versions);
    });
  }, [open, name, version]);
  if (version === 0) return <p class="hint">{t("admin.never_set")}</p>;
  return (
    <details class="versions" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("admin.versions", { n: version })}</summary>
      <ol class="history" data-versions={list?.length ?? ""}>
        {(list ?? []).map((one, i) => (
          <li key={one.version} data-version-row={one.version}>
            <p>
              <b>{t("admin.version", { n: one.version })}</b> {one.value === null ? t("admin.configured") : ""}{" "}
              {one.sha256 !== undefined && <code>{one.sha256.slice(0, 12)}…</code>}
            </p>
            <Differences now={one.value} before={list?.[i + 1]?.value ?? null} isText={one.sha256 !== undefined} />
            <p class="hint">
              {stamp(one.set_at, timeZone.value).slice(0, 16)} · {one.set_by} · {t("admin.why", { reason: one.reason })} · {t("admin.entry", { n: one.ledger_seq })}
            </p>
            {one.version !== version && (
              <button type="button" class="button plain" data-restore={one.version} disabled={busy} onClick={() => restore(one.version)}>
                {t("admin.restore")}
              </button>
            )}
          </li>
        ))}
      </ol>
    </details>
  );
}

function Differences({ now, before, isText }: { now: Value | null; before: Value | null; isText: boolean }) {
  if (now === null || isText) return null;
  const differing = Object.keys(now).filter((key) => JSON.stringify(now[key]) !== JSON.stringify(before?.[key]));
  const shown = (value: Value[string] | undefined): string => {
    if (value === null || value === undefined || value === "") return "–";
    return Array.isArray(value) ? t("admin.days_n", { n: value.length }) : code("word", String(value));
  };
  return (
    <ul class="differences">
      {differing.map((key) => (
        <li key={key}>
          {code("field", key)}：{before !== null && <del>{shown(before[key])}</del>} {before !== null && "→"} <ins>{shown(now[key])}</ins>
        </li>
      ))}
    </ul>
  );
}
