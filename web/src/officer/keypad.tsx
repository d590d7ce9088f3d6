// The plate's cells and its keypad: no input method, no I and no O, one tap for "no plate".
import { useState } from "preact/hooks";
import { t } from "../i18n.ts";
import { CELLS, DIGITS, erase, keysAfter, LETTERS, mayFollow, plateForm, press, PROVINCES, TAILS, tidyPlate } from "../plate.ts";
import type { VehicleClass } from "../types.ts";

interface Props {
  plate: string;
  none: boolean;
  vehicleClass: VehicleClass;
  change(plate: string, none: boolean): void;
}

export function Plate({ plate, none, vehicleClass, change }: Props) {
  const groups = keysAfter(plate);
  const provinces = groups.includes("provinces");
  const tails = groups.includes("tails") || TAILS.includes([...plate].at(-1) ?? "");
  const odd = plateForm(plate) === "other";
  return (
    <fieldset class="field plate-field">
      <legend>{t("street.plate")}</legend>
      {vehicleClass === "motor" || !none ? <Cells plate={plate} none={none} /> : <p class="no-plate">{t("street.no_plate")}</p>}
      {odd && !none && <p class="hint">{t("street.plate_odd")}</p>}
      <div class={provinces ? "keys provinces" : "keys"} role="group" aria-label={t("street.plate")}>
        {(provinces ? PROVINCES : [...DIGITS, ...LETTERS]).map((key) => (
          <button key={key} type="button" disabled={!mayFollow(plate, key)} onClick={() => change(press(plate, key), false)}>
            {key}
          </button>
        ))}
        {tails &&
          TAILS.map((key) => (
            <button key={key} type="button" disabled={!mayFollow(plate, key)} onClick={() => change(press(plate, key), false)}>
              {key}
            </button>
          ))}
      </div>
      <div class="key-acts">
        <button type="button" disabled={plate === ""} onClick={() => change(erase(plate), false)}>
          ⌫ {t("street.erase")}
        </button>
        <button type="button" disabled={plate === ""} onClick={() => change("", false)}>
          {t("street.clear")}
        </button>
        <button type="button" aria-pressed={none} onClick={() => change("", !none)}>
          {t("street.no_plate")}
        </button>
      </div>
      {vehicleClass === "non_motor" && !none && <WrittenPlate plate={plate} change={change} />}
    </fieldset>
  );
}

function Cells({ plate, none }: { plate: string; none: boolean }) {
  const typed = [...plate];
  return (
    <output class="cells" aria-label={`${t("street.plate")}: ${none ? t("street.no_plate") : plate}`}>
      {Array.from({ length: Math.max(CELLS, typed.length) }, (_, i) => (
        <span key={i} data-next={!none && i === typed.length}>
          {typed[i] ?? ""}
        </span>
      ))}
    </output>
  );
}

/** E-bike plates have local forms; they are taken as they stand. */
function WrittenPlate({ plate, change }: Pick<Props, "plate" | "change">) {
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <button type="button" class="link" onClick={() => setOpen(true)}>
        {t("street.plate_free")}
      </button>
    );
  }
  return (
    <label class="field">
      <span>{t("street.plate_free")}</span>
      <input name="plate" value={plate} maxLength={16} onInput={(event) => change(tidyPlate(event.currentTarget.value), false)} />
    </label>
  );
}
