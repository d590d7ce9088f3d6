// The steps whoever is signed in may take next: the one of the flow with its own form, the others behind a button.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../http.ts";
import { code, t, text } from "../i18n.ts";
import { plain, type Photo } from "../report/store.ts";
import { handled, kit, take } from "./store.ts";
import type { Matter, Whole } from "./types.ts";

/** Steps of the flow itself, in the order they are offered as the next one. */
const MAIN = ["open", "dispatch", "handle", "feed_back", "verify", "evaluate", "resume"];
const MORE_TIME = ["2wh", "4wh", "1wd", "2wd"];

export function Acts({ matter }: { matter: Whole }) {
  const next = MAIN.find((step) => matter.steps.includes(step) && !(step === "dispatch" && matter.state === "dispatched"));
  const asked = matter.steps.includes("grant_delay");
  const first = asked ? "grant_delay" : next;
  const [step, setStep] = useState<string | null>(first ?? null);
  const others = matter.steps.filter((name) => name !== first);
  if (matter.steps.length === 0) return null;
  return (
    <section class="acts" data-acts={matter.steps.join(" ")}>
      <h3>{t("matters.act")}</h3>
      {step !== null && <StepForm key={step} matter={matter} step={step} />}
      {others.length > 0 && (
        <div class="chips" role="group" aria-label={t("matters.more_acts")}>
          {[...(first === undefined ? [] : [first]), ...others].map((name) => (
            <button key={name} type="button" class="chip" data-act={name} aria-pressed={step === name} onClick={() => setStep(name)}>
              {code("mstep", name)}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

function StepForm({ matter, step }: { matter: Whole; step: string }) {
  const [why, setWhy] = useState("");
  const [unit, setUnit] = useState(matter.unit ?? "");
  const [category, setCategory] = useState("");
  const [content, setContent] = useState(5);
  const [more, setMore] = useState(MORE_TIME[0] as string);
  const [into, setInto] = useState("");
  const [photos, setPhotos] = useState<Photo[]>([]);
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const needsPhoto = step === "handle" && matter.needs_picture;
  const send = async (extra: Record<string, unknown> = {}): Promise<void> => {
    if (busy) return;
    if (needsPhoto && photos.length === 0) return setFault(t("matters.need_photo"));
    setBusy(true);
    setFault("");
    const said = why.trim() === "" ? code("mstep", step) : why.trim();
    let body: Record<string, unknown> = { step, why: said, ...extra };
    if (step === "open" && category !== "") body = { ...body, category };
    if (step === "dispatch") body = { ...body, unit };
    if (step === "evaluate") body = { ...body, content };
    if (step === "ask_delay") body = { ...body, more };
    if (step === "merge") {
      const found = await ask<{ matters: Matter[] }>(`/api/v1/matters?number=${encodeURIComponent(into.trim())}`).catch(() => ({ matters: [] }));
      const master = found.matters[0];
      if (master === undefined) {
        setBusy(false);
        return setFault(t("matters.no_such"));
      }
      body = { ...body, into: master.id };
    }
    const wrong = step === "handle" ? await handled(matter.id, said, photos.map(({ blob }) => blob)) : await take(matter.id, body);
    setBusy(false);
    setFault(wrong);
  };
  const add = async (files: FileList | null): Promise<void> => {
    for (const file of files ?? []) {
      const photo = await plain(file).catch(() => null);
      if (photo !== null) setPhotos((now) => [...now, photo].slice(0, 4));
    }
  };
  return (
    <form
      name={`step-${step}`}
      class="step-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (step !== "verify") void send();
      }}
    >
      {step === "open" && (
        <Pick label={t("matters.kind")} name="category" value={category} change={setCategory}>
          <option value="">{t("matters.keep_kind", { kind: text(matter.category_name) })}</option>
          {kit.value?.kinds.map((kind) => (
            <option key={kind.code} value={kind.code}>
              {text(kind.name)}
            </option>
          ))}
        </Pick>
      )}
      {step === "dispatch" && (
        <Pick label={t("matters.unit")} name="unit" value={unit} change={setUnit}>
          <option value="" />
          {kit.value?.units.map((one) => (
            <option key={one.id} value={one.id}>
              {text(one.name)}
            </option>
          ))}
        </Pick>
      )}
      {step === "ask_delay" && (
        <Pick label={t("matters.more_time")} name="more" value={more} change={setMore}>
          {MORE_TIME.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </Pick>
      )}
      {step === "merge" && (
        <label class="field">
          <span>{t("matters.into")}</span>
          <input name="into" required value={into} onInput={(event) => setInto(event.currentTarget.value)} />
        </label>
      )}
      {step === "evaluate" && (
        <fieldset class="field">
          <legend>{t("matters.content")}</legend>
          <div class="chips">
            {[1, 2, 3, 4, 5].map((n) => (
              <button key={n} type="button" class="chip" aria-pressed={content === n} onClick={() => setContent(n)}>
                {n}
              </button>
            ))}
          </div>
        </fieldset>
      )}
      {step === "handle" && (
        <div class="field">
          <span>{t("matters.photo")}</span>
          <div class="matter-pictures">
            {photos.map((photo) => (
              <img key={photo.url} src={photo.url} alt={t("matters.photo")} />
            ))}
            <label class="button plain add-picture">
              <input class="hidden" type="file" name="picture" accept="image/*" multiple onChange={(event) => void add(event.currentTarget.files)} />
              <span>＋ {t("report.photo.add")}</span>
            </label>
          </div>
        </div>
      )}
      <label class="field">
        <span>{t("matters.why")}</span>
        <textarea name="why" rows={2} maxLength={1000} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
      </label>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {step === "verify" ? (
        <div class="step-buttons">
          <button type="button" class="button" data-passed disabled={busy} onClick={() => void send({ passed: true })}>
            {t("matters.passed")}
          </button>
          <button type="button" class="button plain" data-failed disabled={busy} onClick={() => void send({ passed: false })}>
            {t("matters.failed")}
          </button>
        </div>
      ) : (
        <button type="submit" class="button" disabled={busy}>
          {code("mstep", step)}
        </button>
      )}
    </form>
  );
}

function Pick({ label, name, value, change, children }: { label: string; name: string; value: string; change(value: string): void; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => change(event.currentTarget.value)}>
        {children}
      </select>
    </label>
  );
}
