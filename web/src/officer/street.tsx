// Recording in the street: photograph, plate, reason, place; the form stays open for the next one.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { newKey, Problem } from "../http.ts";
import { t, text } from "../i18n.ts";
import { plateForm } from "../plate.ts";
import { faultWords, session } from "../staff.tsx";
import { learnCity, zones } from "./city.ts";
import { DigestDiffers, missing, send, type Draft, type DraftKind } from "./draft.ts";
import { Plate } from "./keypad.tsx";
import { preparePhoto } from "./photos.ts";
import { ACTS, BASES, REASONS } from "./wording.ts";

const KINDS: DraftKind[] = ["correction", "warning", "seizure"];
const MOST_PHOTOS = 8;

const PREFIX = "yunpark.plate_prefix";

/** The province and city this device wrote last; most plates of a county share them. */
function keptPrefix(): string {
  try {
    return localStorage.getItem(PREFIX) ?? "";
  } catch {
    return "";
  }
}

function keepPrefix(plate: string): void {
  const form = plateForm(plate);
  if (form !== "ordinary" && form !== "new_energy") return;
  try {
    localStorage.setItem(PREFIX, plate.slice(0, 2));
  } catch {
    // Nothing is kept in private windows; the province is then typed each time.
  }
}

function blank(): Draft {
  return {
    vehicleClass: "non_motor",
    kind: "correction",
    plate: keptPrefix(),
    noPlate: false,
    reason: null,
    act: "detention",
    basis: "",
    location: null,
    accuracyM: null,
    zone: "",
    note: "",
    photos: [],
    captureKey: newKey(),
    recordKey: newKey(),
  };
}

const draft = signal<Draft>(blank());
const previous = signal<Draft | null>(null);
const outcome = signal<{ fault: boolean; words: string } | null>(null);
const busy = signal(false);

/** A draft that changed is another act: it gets new keys, for the server refuses other content under a used one. */
function change(part: Partial<Draft>): void {
  draft.value = { ...draft.value, captureKey: newKey(), recordKey: newKey(), ...part };
  outcome.value = null;
}

async function submit(): Promise<void> {
  if (busy.value) return;
  const lack = missing(draft.value);
  if (lack !== null) {
    outcome.value = { fault: true, words: t(lack) };
    return;
  }
  busy.value = true;
  try {
    const record = await send(draft.value);
    for (const photo of draft.value.photos) URL.revokeObjectURL(photo.url);
    keepPrefix(draft.value.plate);
    previous.value = draft.value;
    draft.value = { ...blank(), vehicleClass: previous.value.vehicleClass, location: previous.value.location, zone: previous.value.zone };
    outcome.value = { fault: false, words: t("street.saved", { number: record.number }) };
    navigator.vibrate?.(60);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) session.value = null;
    const words = error instanceof DigestDiffers ? t("street.digest_differs") : faultWords(error);
    outcome.value = { fault: true, words };
  } finally {
    busy.value = false;
  }
}

function asBefore(): void {
  const before = previous.value;
  if (before === null) return;
  const { vehicleClass, kind, reason, location, accuracyM, zone, act, basis } = before;
  change({ vehicleClass, kind, reason, location, accuracyM, zone, act, basis });
}

export function Street() {
  useEffect(() => {
    void learnCity();
    locate();
  }, []);
  const now = draft.value;
  return (
    <form
      class="street"
      name="record"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="street-columns">
        <div class="street-column">
          <Choice legend={t("street.vehicle")}>
            {(["non_motor", "motor"] as const).map((vehicleClass) => (
              <Option key={vehicleClass} on={now.vehicleClass === vehicleClass} pick={() => change({ vehicleClass })}>
                {t(`vehicle.${vehicleClass}`)}
              </Option>
            ))}
          </Choice>
          <Choice legend={t("street.kind")}>
            {KINDS.map((kind) => (
              <Option key={kind} name={kind} on={now.kind === kind} pick={() => change({ kind })}>
                {t(`kind.${kind}`)}
              </Option>
            ))}
          </Choice>
          {now.kind === "seizure" && <Basis now={now} />}
          <Plate
            plate={now.plate}
            none={now.noPlate}
            vehicleClass={now.vehicleClass}
            change={(plate, noPlate) => change({ plate, noPlate })}
          />
        </div>
        <div class="street-column">
          <Choice legend={t("street.reason")} two>
            {REASONS.map((reason) => (
              <Option key={reason} on={now.reason === reason} pick={() => change({ reason })}>
                {t(reason)}
              </Option>
            ))}
          </Choice>
          <Photos now={now} />
          <Place now={now} />
          <label class="field">
            <span>{t("street.note")}</span>
            <textarea name="note" maxLength={500} value={now.note} onInput={(event) => change({ note: event.currentTarget.value })} />
          </label>
        </div>
      </div>
      <div class="submit-bar">
        {outcome.value !== null && (
          <p class={outcome.value.fault ? "fault" : "saved"} role={outcome.value.fault ? "alert" : "status"}>
            {outcome.value.words}
          </p>
        )}
        <div class="submit-buttons">
          <button type="button" class="button plain" disabled={previous.value === null} onClick={asBefore}>
            {t("street.same")}
          </button>
          <button type="submit" class="button" disabled={busy.value}>
            {t(busy.value ? "street.sending" : "street.submit")}
          </button>
        </div>
      </div>
    </form>
  );
}

function Choice({ legend, two, children }: { legend: string; two?: boolean; children: ComponentChildren }) {
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      <div class={two === true ? "options two" : "options"}>{children}</div>
    </fieldset>
  );
}

function Option({ on, pick, name, children }: { on: boolean; pick(): void; name?: string; children: ComponentChildren }) {
  return (
    <button type="button" class="option" aria-pressed={on} data-kind={name} onClick={pick}>
      {children}
    </button>
  );
}

function Basis({ now }: { now: Draft }) {
  return (
    <div class="basis">
      <Choice legend={t("street.act")}>
        {ACTS.map((act) => (
          <Option key={act} on={now.act === act} pick={() => change({ act, basis: "" })}>
            {t(`act.${act}`)}
          </Option>
        ))}
      </Choice>
      <label class="field">
        <span>{t("street.basis")}</span>
        <select name="legal_basis" value={now.basis} onChange={(event) => change({ basis: event.currentTarget.value })}>
          <option value="">{t("plates.choose")}</option>
          {BASES[now.act].map((basis) => (
            <option key={basis} value={basis}>
              {basis}
            </option>
          ))}
        </select>
      </label>
      <p class="hint">{t("street.basis_hint")}</p>
    </div>
  );
}

function Photos({ now }: { now: Draft }) {
  const add = async (files: FileList | null): Promise<void> => {
    const room = MOST_PHOTOS - draft.value.photos.length;
    const photos = await Promise.all([...(files ?? [])].slice(0, room).map(preparePhoto));
    change({ photos: [...draft.value.photos, ...photos] });
  };
  return (
    <fieldset class="field">
      <legend>{t("street.photos")}</legend>
      <div class="photos">
        {now.photos.map((photo, i) => (
          <figure key={photo.url}>
            <img src={photo.url} alt={t("street.photo_n", { n: i + 1 })} />
            {photo.sha256 !== null && <figcaption title={photo.sha256}>{photo.sha256.slice(0, 8)}…</figcaption>}
            <button
              type="button"
              aria-label={t("street.remove", { n: i + 1 })}
              onClick={() => change({ photos: now.photos.filter((other) => other !== photo) })}
            >
              ✕
            </button>
          </figure>
        ))}
        {now.photos.length < MOST_PHOTOS && (
          <label class="add-photo">
            <input
              class="hidden"
              type="file"
              name="image"
              accept="image/*"
              capture="environment"
              onChange={(event) => {
                const input = event.currentTarget;
                void add(input.files)
                  .catch(() => (outcome.value = { fault: true, words: t("street.photo_bad") }))
                  .finally(() => (input.value = ""));
              }}
            />
            <span>＋ {t("street.add_photo")}</span>
          </label>
        )}
      </div>
      {!window.isSecureContext && <p class="hint">{t("street.no_digest")}</p>}
    </fieldset>
  );
}

function locate(): void {
  if (!window.isSecureContext || !("geolocation" in navigator)) return;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => change({ location: [coords.longitude, coords.latitude], accuracyM: Math.round(coords.accuracy) }),
    () => undefined,
    { enableHighAccuracy: true, timeout: 8000, maximumAge: 30_000 },
  );
}

function Place({ now }: { now: Draft }) {
  const where =
    now.location === null
      ? t("street.no_place")
      : t("street.located", { lat: now.location[1].toFixed(5), lon: now.location[0].toFixed(5), m: now.accuracyM ?? "–" });
  return (
    <fieldset class="field">
      <legend>{t("street.place")}</legend>
      <div class="place">
        <span>{where}</span>
        <button type="button" class="button plain" onClick={locate}>
          {t("street.locate")}
        </button>
      </div>
      <label class="field">
        <span>{t("street.zone")}</span>
        <select name="zone" value={now.zone} onChange={(event) => change({ zone: event.currentTarget.value })}>
          <option value="">{t("street.zone_none")}</option>
          {zones.value.map((zone) => (
            <option key={zone.id} value={zone.id}>
              {text(zone.name)}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  );
}
