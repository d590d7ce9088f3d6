// What a tow, a detention or a seizure needs beside the rest: its basis, and what was taken with the list of things.
import { t } from "../../i18n.ts";
import { ACTS, ledgerWording, groundWords } from "../wording.ts";
import { basesOf, basisOf, change, isTaken, type Draft, type Lacks } from "./draft.ts";
import { Choice, Lack, Option } from "./pieces.tsx";
import { kit } from "./kit.ts";
import type { Thing } from "./item.ts";

const USUAL = ["field.thing.vehicle", "field.thing.battery", "field.thing.keys", "field.thing.goods"] as const;

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
      {bases.length === 0 && <p class="fault">{t("field.no_basis")}</p>}
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
      {isTaken(now) && <Taken now={now} lacks={lacks} />}
    </div>
  );
}

function Taken({ now, lacks }: { now: Draft; lacks: Lacks }) {
  return (
    <>
      <p class="hint">{t("field.at_once_hint")}</p>
      <Inventory now={now} lacks={lacks} />
      <label class="field">
        <span>{t("field.second")}</span>
        <input name="second" list="colleagues" autocomplete="off" value={now.second} onInput={(event) => change({ second: event.currentTarget.value })} />
        <Lack word={lacks.second} />
      </label>
      <datalist id="colleagues">
        {(kit.value?.field.colleagues ?? []).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label class="field">
        <span>{t("field.custody")}</span>
        <input name="custody" autocomplete="off" maxLength={200} value={now.custody} onInput={(event) => change({ custody: event.currentTarget.value })} />
        <Lack word={lacks.custody} />
      </label>
      <label class="field">
        <span>
          {t("field.witness")} <small>{t("field.witness_hint")}</small>
        </span>
        <input name="witness" autocomplete="off" maxLength={100} value={now.witness} onInput={(event) => change({ witness: event.currentTarget.value })} />
      </label>
    </>
  );
}

function Inventory({ now, lacks }: { now: Draft; lacks: Lacks }) {
  const put = (at: number, part: Partial<Thing>): void =>
    change({ inventory: now.inventory.map((thing, i) => (i === at ? { ...thing, ...part } : thing)) });
  const add = (name: string): void => change({ inventory: [...now.inventory, { name, quantity: 1, note: "" }] });
  return (
    <fieldset class="field">
      <legend>{t("field.inventory")}</legend>
      <ul class="inventory">
        {now.inventory.map((thing, i) => (
          <li key={i} data-thing={i}>
            <input
              aria-label={t("field.thing_name", { n: i + 1 })}
              value={thing.name}
              maxLength={60}
              onInput={(event) => put(i, { name: event.currentTarget.value })}
            />
            <input
              aria-label={t("field.thing_quantity", { n: i + 1 })}
              type="number"
              inputMode="numeric"
              min={1}
              max={999}
              value={thing.quantity}
              onInput={(event) => put(i, { quantity: Math.min(999, Math.max(1, Math.floor(event.currentTarget.valueAsNumber || 1))) })}
            />
            <button type="button" class="button plain" aria-label={t("field.thing_drop", { n: i + 1 })} onClick={() => change({ inventory: now.inventory.filter((_, j) => j !== i) })}>
              ✕
            </button>
            <input
              class="thing-note"
              aria-label={t("field.thing_note", { n: i + 1 })}
              placeholder={t("field.thing_note_hint")}
              value={thing.note}
              maxLength={200}
              onInput={(event) => put(i, { note: event.currentTarget.value })}
            />
          </li>
        ))}
      </ul>
      <div class="chips">
        {USUAL.map((word) => (
          <button key={word} type="button" class="chip" data-add-thing={word} onClick={() => add(ledgerWording(word))}>
            ＋ {t(word)}
          </button>
        ))}
        <button type="button" class="chip" onClick={() => add("")}>
          ＋ {t("field.thing.other")}
        </button>
      </div>
      <Lack word={lacks.inventory} />
    </fieldset>
  );
}
