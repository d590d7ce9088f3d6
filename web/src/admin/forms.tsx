// Templates of documents: which are in force, by their hash, what the law wants on them; replaced, and given back.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { attempt } from "../staff.tsx";
import { Field, Reason, Told, useSending } from "./form.tsx";
import { Standing, Versions } from "./settings.tsx";
import type { Form, Setting } from "./types.ts";

export function Forms() {
  const [forms, setForms] = useState<Form[] | null>(null);
  const [fault, setFault] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<{ documents: Form[] }>("/api/v1/admin/documents"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setForms(got.done.documents);
  };
  useEffect(() => void learn(), []);
  return (
    <section class="card" aria-labelledby="forms-heading" data-forms={forms?.length ?? ""}>
      <h2 id="forms-heading">{t("admin.tab.documents")}</h2>
      <p class="hint">{t("admin.forms_lead")}</p>
      {fault !== "" && <p class="fault">{fault}</p>}
      <ul class="rows">
        {(forms ?? []).map((form) => (
          <li key={form.document} data-form={form.document} data-whence={form.whence} data-sha256={form.sha256}>
            <div class="row-head">
              <div class="row-words">
                <p>
                  <b>{code("document", form.document)}</b>{" "}
                  <span class="tag" data-tone={form.whence === "set" ? "info" : ""}>
                    {t(`admin.whence.${form.whence}`)}
                  </span>
                </p>
                <p class="hint">
                  SHA-256 <code title={form.sha256}>{form.sha256.slice(0, 16)}…</code>
                </p>
              </div>
              <button type="button" class="button plain" aria-expanded={open === form.document} onClick={() => setOpen(open === form.document ? null : form.document)}>
                {open === form.document ? t("lot.close") : t("admin.change")}
              </button>
            </div>
            {open === form.document && <ChangeForm key={form.sha256} form={form} changed={() => void learn()} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ChangeForm({ form, changed }: { form: Form; changed: () => void }) {
  const [html, setHtml] = useState(form.html);
  const [reason, setReason] = useState("");
  const [setting, setSetting] = useState<Setting | null>(null);
  const sending = useSending();
  const path = `/api/v1/admin/settings/${form.setting}`;
  useEffect(() => {
    void attempt(() => ask<{ setting: Setting }>(path)).then((got) => {
      if ("done" in got) setSetting(got.done.setting);
    });
  }, [path]);
  if (setting === null) return <p class="hint">{t("admin.loading")}</p>;
  const send = async (what: object): Promise<void> => {
    const got = await sending.send<{ setting: Setting }>(path, { ...what, based_on: setting.version, reason }, t("admin.in_force"));
    if (got === null) return;
    setSetting(got.setting);
    changed();
  };
  const upload = async (file: File | undefined): Promise<void> => {
    if (file !== undefined) setHtml(await file.text());
  };
  const has = (name: string): boolean => new RegExp(`\\{\\{\\s*${name}\\s*\\}\\}`).test(html);
  return (
    <form
      class="unfolded stack"
      name={`form-${form.document}`}
      onSubmit={(event) => {
        event.preventDefault();
        void send({ value: { html } });
      }}
      noValidate
    >
      <Standing setting={setting} />
      <p class="label">{t("admin.required")}</p>
      <ul class="checks">
        {form.required.map((name) => (
          <li key={name} data-has={has(name)}>
            {has(name) ? "✓" : "✕"} {code("placeholder", name)} <code>{`{{${name}}}`}</code>
          </li>
        ))}
      </ul>
      <label class="field">
        <span>{t("admin.upload")}</span>
        <input type="file" name="template-file" accept=".html,text/html" onChange={(event) => void upload(event.currentTarget.files?.[0])} />
      </label>
      <Field name="html" label={t("admin.template")} wrong={sending.wrong}>
        <textarea name="html" class="code" rows={12} spellcheck={false} value={html} aria-invalid={sending.wrong.html !== undefined} onInput={(event) => setHtml(event.currentTarget.value)} />
      </Field>
      <details>
        <summary>{t("admin.all_fields", { n: form.known.length })}</summary>
        <p class="hint known">{form.known.map((name) => `${code("placeholder", name)} {{${name}}}`).join(" · ")}</p>
      </details>
      <Reason value={reason} set={setReason} wrong={sending.wrong} />
      <Told sending={sending} />
      <div class="act-buttons">
        <button class="button" type="submit" data-act="save" disabled={sending.busy || html === form.html}>
          {t("admin.save")}
        </button>
        {setting.is_set && (
          <button class="button plain" type="button" data-act="configured" disabled={sending.busy} onClick={() => void send({ configured: true })}>
            {t("admin.to_configured")}
          </button>
        )}
      </div>
      <Versions name={form.setting} version={setting.version} restore={(version) => void send({ restore: version })} busy={sending.busy} />
    </form>
  );
}
