// What a tow, a detention or a seizure needs beside the rest: its basis, and what was taken with the list of things.
import { t } from "../../i18n.ts";
import { ACTS, groundWords } from "../wording.ts";
import { basesOf, basisOf, change, isTaken, type Draft, type Lacks } from "./draft.ts";
import { kit } from "./kit.ts";
import { Choice, Lack, Option } from "./pieces.tsx";
import { TakenFields } from "./taken.tsx";

export function Seizing({ now, lacks }: { now: Draft; lacks: Lacks }) {
  const bases = basesOf(now.act, now.vehicleClass);
  const basis = basisOf(now);
  return (
    <div class="basis">
      <Choice legend={t("street.act")}>
        {ACTS.map((act) => (
          <Option key={act} name={act} on={now.act === act} pick={() => change({ act, basis: "", ground: "" })}>
            {t(`act.${act}`)}
          </Option>
        ))}
      </Choice>
      <label class="field">
        <span>{t("street.basis")}</span>
        <select name="legal_basis" value={basis?.text ?? ""} onChange={(event) => change({ basis: event.currentTarget.value, ground: "" })}>
          <option value="">{t("plates.choose")}</option>
          {bases.map(({ text }) => (
            <option key={text} value={text}>
              {text}
            </option>
          ))}
        </select>
        <Lack word={lacks.basis} />
      </label>
      {kit.value !== null && bases.length === 0 && <p class="fault">{t("field.no_basis")}</p>}
      {basis !== undefined && basis.grounds.length > 1 && (
        <label class="field">
          <span>{t("field.ground")}</span>
          <select name="ground" value={now.ground} onChange={(event) => change({ ground: event.currentTarget.value })}>
            <option value="">{t("plates.choose")}</option>
            {basis.grounds.map((ground) => (
              <option key={ground} value={ground}>
                {groundWords(ground)}
              </option>
            ))}
          </select>
          <Lack word={lacks.ground} />
        </label>
      )}
      <p class="hint">{t("street.basis_hint")}</p>
      {now.act !== "tow" && (
        <Choice legend={t("field.when")}>
          <Option name="at_once" on={now.atOnce} pick={() => change({ atOnce: true })}>
            {t("field.at_once")}
          </Option>
          <Option name="after_approval" on={!now.atOnce} pick={() => change({ atOnce: false })}>
            {t("field.after_approval")}
          </Option>
        </Choice>
      )}
      {isTaken(now) && <TakenFields now={now} change={change} lacks={lacks} />}
    </div>
  );
}
