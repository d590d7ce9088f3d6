// Saying it: a kind, a photo, a place, and that is enough; then the receipt.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Problem } from "../http.ts";
import { t, text } from "../i18n.ts";
import { Ground } from "../matters/ground.tsx";
import type { LonLat } from "../types.ts";
import { Sign } from "./signs.tsx";
import { begin, change, draft, kinds, plain, send, sent, type Receipt } from "./store.ts";

/** How many kinds are shown before more are asked for. */
const FIRST = 6;

const busy = signal(false);
const fault = signal("");

function words(error: unknown): string {
  if (!(error instanceof Problem)) return t("fault.network");
  if (error.status === 429) return t("report.slow");
  if (error.fields["location"]?.includes("no cell") === true) return t("report.outside");
  return error.message;
}

export function Say({ see }: { see(receipt: string): void }) {
  if (sent.value !== null) return <Done receipt={sent.value} see={see} />;
  const now = draft.value;
  const lacks = now.kind === "" ? "report.need.kind" : now.at === null && now.place.trim() === "" ? "report.need.where" : null;
  const go = async (): Promise<void> => {
    fault.value = lacks === null ? "" : t(lacks);
    if (lacks !== null || busy.value) return;
    busy.value = true;
    try {
      await send();
      scrollTo(0, 0);
    } catch (error) {
      fault.value = words(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form
      name="report"
      class="say"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      <p class="lead">{t("report.lead")}</p>
      <div class="say-columns">
        <div class="say-column">
          <Kinds />
          <Photos />
        </div>
        <div class="say-column">
          <Where />
          <section class="card step">
            <h2>
              <span class="step-n">4</span> {t("report.what")}
            </h2>
            <label class="field">
              <span class="hidden">{t("report.what")}</span>
              <textarea name="what" rows={3} maxLength={1000} placeholder={t("report.what.hint")} value={now.what} onInput={(event) => change({ what: event.currentTarget.value })} />
            </label>
            <label class="field">
              <span>{t("report.contact")}</span>
              <input name="contact" type="tel" maxLength={64} autocomplete="tel" value={now.contact} onInput={(event) => change({ contact: event.currentTarget.value })} />
              <small class="hint">{t("report.contact.hint", { n: kinds.value?.contact_days ?? 30 })}</small>
            </label>
          </section>
        </div>
      </div>
      <div class="send-bar">
        {fault.value !== "" && (
          <p class="fault" role="alert">
            {fault.value}
          </p>
        )}
        <button type="submit" class="button send" disabled={busy.value}>
          {busy.value ? t("report.sending") : t("report.send")}
        </button>
      </div>
    </form>
  );
}

function Kinds() {
  const [all, setAll] = useState(false);
  // What happens comes before what is broken.
  const known = [...(kinds.value?.kinds ?? [])].sort((a, b) => Number(a.class !== "event") - Number(b.class !== "event"));
  const chosen = draft.value.kind;
  const shown = all ? known : known.filter(({ code }, i) => i < FIRST || code === chosen);
  const now = known.find(({ code }) => code === chosen);
  return (
    <section class="card step">
      <h2>
        <span class="step-n">1</span> {t("report.kind")}
      </h2>
      <div class="kinds" role="group" aria-label={t("report.kind")}>
        {shown.map((kind) => (
          <button key={kind.code} type="button" class="kind" data-kind={kind.code} aria-pressed={kind.code === chosen} onClick={() => change({ kind: kind.code })}>
            <Sign code={kind.code} />
            <span>{text(kind.name)}</span>
          </button>
        ))}
      </div>
      {!all && known.length > shown.length && (
        <button type="button" class="link" data-more onClick={() => setAll(true)}>
          {t("report.kind.more")}
        </button>
      )}
      {now !== undefined && <p class="hint">{text(now.opened_when)}</p>}
    </section>
  );
}

function Photos() {
  const most = kinds.value?.most_pictures ?? 3;
  const photos = draft.value.photos;
  const [bad, setBad] = useState(false);
  const add = async (files: FileList | null): Promise<void> => {
    setBad(false);
    for (const file of files ?? []) {
      try {
        const photo = await plain(file);
        if (draft.value.photos.length < most) change({ photos: [...draft.value.photos, photo] });
      } catch {
        setBad(true);
      }
    }
  };
  return (
    <section class="card step">
      <h2>
        <span class="step-n">2</span> {t("report.photo")}
      </h2>
      <div class="shots">
        {photos.map((photo, i) => (
          <figure key={photo.url}>
            <img src={photo.url} alt={t("report.photo.n", { n: i + 1 })} />
            <button type="button" aria-label={t("report.photo.drop", { n: i + 1 })} onClick={() => change({ photos: photos.filter((one) => one !== photo) })}>
              ✕
            </button>
          </figure>
        ))}
        {photos.length < most && (
          <label class="add-shot">
            <input
              class="hidden"
              type="file"
              name="photo"
              accept="image/*"
              multiple
              onChange={(event) => {
                const input = event.currentTarget;
                void add(input.files).then(() => (input.value = ""));
              }}
            />
            <span aria-hidden="true">＋</span>
            <span>{t("report.photo.add")}</span>
          </label>
        )}
      </div>
      {bad && (
        <p class="fault" role="alert">
          {t("report.photo.bad")}
        </p>
      )}
      <p class="hint">{t("report.photo.hint", { n: most })}</p>
    </section>
  );
}

function Where() {
  const [look, setLook] = useState<LonLat | null>(null);
  const [failed, setFailed] = useState(false);
  const { at, place } = draft.value;
  const locate = (): void => {
    setFailed(false);
    navigator.geolocation?.getCurrentPosition(
      ({ coords }) => {
        const here: LonLat = [coords.longitude, coords.latitude];
        change({ at: here });
        setLook(here);
      },
      () => setFailed(true),
      { enableHighAccuracy: true, timeout: 8_000, maximumAge: 30_000 },
    );
  };
  return (
    <section class="card step">
      <h2>
        <span class="step-n">3</span> {t("report.where")}
      </h2>
      <Ground
        label={t("report.where")}
        start={look}
        marks={at === null ? [] : [{ id: "here", at, tone: "pin", label: t("report.where") }]}
        tap={(spot) => change({ at: spot })}
      >
        <button type="button" data-locate aria-label={t("report.locate")} title={t("report.locate")} onClick={locate}>
          ◎
        </button>
      </Ground>
      <p class="hint" role="status">
        {failed ? t("report.locate.failed") : at === null ? t("report.where.hint") : `${at[1].toFixed(5)}, ${at[0].toFixed(5)}`}
      </p>
      <label class="field">
        <span>{t("report.place")}</span>
        <input name="place" maxLength={200} value={place} onInput={(event) => change({ place: event.currentTarget.value })} />
      </label>
    </section>
  );
}

function Done({ receipt, see }: { receipt: Receipt; see(receipt: string): void }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => void navigator.clipboard?.writeText(receipt.receipt).then(() => setCopied(true));
  return (
    <section class="card done" data-receipt={receipt.receipt}>
      <span class="done-sign" aria-hidden="true">
        ✓
      </span>
      <h2>{t("report.done")}</h2>
      <p class="receipt">{receipt.receipt}</p>
      <p class="hint" role="status">{receipt.merged ? t("report.done.merged") : t("report.done.hint")}</p>
      <div class="done-acts">
        <button type="button" class="button" data-see onClick={() => see(receipt.receipt)}>
          {t("report.see")}
        </button>
        <button type="button" class="button plain" onClick={copy}>
          {copied ? t("report.copied") : t("report.copy")}
        </button>
        <button type="button" class="button plain" data-again onClick={begin}>
          {t("report.again")}
        </button>
      </div>
    </section>
  );
}
