// What was taken on the spot: the list of things, the second officer, where it is kept. Also put right after the server refused it.
import { useState } from "preact/hooks";
import { t } from "../../i18n.ts";
import { ledgerWording } from "../wording.ts";
import type { Draft, Lacks } from "./draft.ts";
import type { Item, Thing } from "./item.ts";
import { kit } from "./kit.ts";
import { Lack } from "./pieces.tsx";
import { save } from "./queue.ts";
import { sync } from "./sync.ts";

const USUAL = ["field.thing.vehicle", "field.thing.battery", "field.thing.keys", "field.thing.goods"] as const;

type Part = Pick<Draft, "inventory" | "second" | "custody" | "witness">;

interface Fields {
  now: Part;
  change: (part: Partial<Part>) => void;
  lacks: Lacks;
}

export function TakenFields({ now, change, lacks }: Fields) {
  return (
    <>
      <p class="hint">{t("field.at_once_hint")}</p>
      <Inventory now={now} change={change} lacks={lacks} />
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

function Inventory({ now, change, lacks }: Fields) {
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

/** The record is on the server; only what was taken was refused. It is put right here and sent under a new key of its own. */
export function MendTaken({ item, close }: { item: Item; close(): void }) {
  const { taken } = item.said;
  const [now, setNow] = useState<Part>({
    inventory: taken?.inventory ?? [],
    second: taken?.second_officer ?? "",
    custody: taken?.custody ?? "",
    witness: taken?.witness ?? "",
  });
  const [lacks, setLacks] = useState<Lacks>({});
  const keep = async (): Promise<void> => {
    const lacking: Lacks = {
      ...(now.second.trim() === "" ? { second: "field.need_second" } : {}),
      ...(now.custody.trim() === "" ? { custody: "field.need_custody" } : {}),
      ...(now.inventory.length === 0 || now.inventory.some(({ name }) => name.trim() === "") ? { inventory: "field.need_inventory" } : {}),
    };
    setLacks(lacking);
    if (Object.keys(lacking).length > 0) return;
    const again = { second_officer: now.second.trim(), custody: now.custody.trim(), inventory: now.inventory, witness: now.witness.trim() === "" ? null : now.witness.trim() };
    await save({ ...item, said: { ...item.said, taken: again }, mended: (item.mended ?? 0) + 1, state: "waiting", fault: null });
    close();
    void sync(item.owner);
  };
  return (
    <form
      class="mend-taken"
      name="mend-taken"
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <TakenFields now={now} change={(part) => setNow({ ...now, ...part })} lacks={lacks} />
      <button type="submit" class="button">
        {t("field.keep")}
      </button>
    </form>
  );
}
