// The form of a warning, a proposal or a seizure: photograph, plate, reason; place and time come by themselves.
import { t } from "../../i18n.ts";
import { Plate } from "../keypad.tsx";
import { REASONS } from "../wording.ts";
import { lacking, outcome, submit } from "./acts.ts";
import { change, draft, throwAway, type Draft } from "./draft.ts";
import { MOST_PHOTOS, takePhoto } from "./photos.ts";
import { Camera, Choice, KeptPhoto, Lack, Option } from "./pieces.tsx";
import { PlaceField } from "./place.tsx";
import { Past } from "./past.tsx";
import { Nearest } from "./nearest.tsx";
import { Seizing } from "./seizing.tsx";
import { dropPhoto } from "./vault.ts";
import { freshFix } from "./where.ts";

const KINDS = ["warning", "penalty", "seizure", "correction"] as const;

export function ActForm({ now, leave }: { now: Draft; leave(): void }) {
  const lacks = lacking.value;
  const go = async (): Promise<void> => {
    if (await submit()) leave();
  };
  return (
    <form
      class="street"
      name="record"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      <div class="street-columns">
        <div class="street-column">
          <Choice legend={t("street.kind")}>
            {KINDS.map((kind) => (
              <Option key={kind} name={kind} on={now.kind === kind} pick={() => change({ kind })}>
                {t(`field.act.${kind}`)}
              </Option>
            ))}
          </Choice>
          <Photos now={now} />
          <Choice legend={t("street.vehicle")}>
            {(["motor", "non_motor"] as const).map((vehicleClass) => (
              <Option key={vehicleClass} name={vehicleClass} on={now.vehicleClass === vehicleClass} pick={() => change({ vehicleClass })}>
                {t(`vehicle.${vehicleClass}`)}
              </Option>
            ))}
          </Choice>
          <div class="field">
            <Plate plate={now.plate} none={now.noPlate} vehicleClass={now.vehicleClass} change={(plate, noPlate) => change({ plate, noPlate })} />
            <Lack word={lacks.plate} />
          </div>
          <Past plate={now.noPlate ? "" : now.plate} take={(plate) => change({ plate })} />
        </div>
        <div class="street-column">
          <Choice legend={t("street.reason")} two>
            {REASONS.map((reason) => (
              <Option key={reason} name={reason} on={now.reason === reason} pick={() => change({ reason })}>
                {t(reason)}
              </Option>
            ))}
          </Choice>
          <Lack word={lacks.reason} />
          {now.kind === "seizure" && <Seizing now={now} lacks={lacks} />}
          <PlaceField now={now} />
          <label class="field">
            <span>{t("street.note")}</span>
            <textarea name="note" maxLength={500} value={now.note} onInput={(event) => change({ note: event.currentTarget.value })} />
          </label>
          <Nearest at={now.location ?? freshFix()?.at ?? null} vehicleClass={now.vehicleClass} />
        </div>
      </div>
      <div class="submit-bar">
        {Object.keys(lacks).length > 0 && <p class="fault">{t("field.lacking")}</p>}
        {outcome.value?.fault === true && (
          <p class="fault" role="alert">
            {t(outcome.value.word)}
          </p>
        )}
        <div class="submit-buttons">
          <button
            type="button"
            class="button plain"
            onClick={() => {
              lacking.value = {};
              leave();
              void throwAway();
            }}
          >
            {t("field.throw_away")}
          </button>
          <button type="submit" class="button">
            {t("field.keep")}
          </button>
        </div>
      </div>
    </form>
  );
}

function Photos({ now }: { now: Draft }) {
  const add = async (file: Blob): Promise<void> => {
    try {
      const photo = await takePhoto(now.id, file);
      const before = draft.value;
      // The same picture twice is one.
      if (before === null || before.id !== now.id || before.photos.some(({ sha256 }) => sha256 === photo.sha256)) return;
      change({ photos: [...before.photos, photo] });
    } catch {
      outcome.value = { fault: true, word: "street.photo_bad", item: null };
    }
  };
  const drop = (sha256: string): void => {
    change({ photos: now.photos.filter((photo) => photo.sha256 !== sha256) });
    void dropPhoto(now.id, sha256);
  };
  return (
    <fieldset class="field">
      <legend>{t("street.photos")}</legend>
      <div class="photos">
        {now.photos.map((photo, i) => (
          <figure key={photo.sha256} data-photo={photo.sha256}>
            <KeptPhoto of={now.id} photo={photo} n={i + 1} />
            <figcaption title={photo.sha256}>{photo.sha256.slice(0, 8)}…</figcaption>
            <button type="button" aria-label={t("street.remove", { n: i + 1 })} onClick={() => drop(photo.sha256)}>
              ✕
            </button>
          </figure>
        ))}
        {now.photos.length < MOST_PHOTOS && (
          <Camera class="add-photo" id="image" pick={(file) => void add(file)}>
            ＋ {t("street.add_photo")}
          </Camera>
        )}
      </div>
    </fieldset>
  );
}
