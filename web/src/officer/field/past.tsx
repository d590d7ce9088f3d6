// What is known of the plate being typed: asked once for each whole plate, for a purpose that stands in the ledger.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../../age.ts";
import { ask, Problem } from "../../http.ts";
import { code, t, text } from "../../i18n.ts";
import { plateForm, showPlate } from "../../plate.ts";
import { faultWords, sessionEnded } from "../../staff.tsx";
import type { PlateHistory } from "../../types.ts";
import { timeZone } from "../city.ts";
import { PriorWords } from "../prior.tsx";
import { ledgerWording } from "../wording.ts";

interface Permit {
  id: string;
  to: string;
  reason: string;
}

interface Alike {
  plate: string;
  entries: number;
}

interface Known {
  history: PlateHistory | null;
  permits: Permit[];
  alike: Alike[];
}

/** Answers of this visit, so that going back and forth asks nobody twice. */
const asked = new Map<string, Promise<Known>>();
const TYPED_MS = 350;
const LATEST = 3;

async function learn(plate: string): Promise<Known> {
  const purpose = encodeURIComponent(ledgerWording("plates.why.on_site"));
  const path = encodeURIComponent(plate);
  const unknown = (error: unknown): null => {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  };
  const [history, { permits }] = await Promise.all([
    ask<PlateHistory>(`/api/v1/plates/${path}/history?purpose=${purpose}`).catch(unknown),
    ask<{ permits: Permit[] }>(`/api/v1/permits?plate=${path}&limit=5`),
  ]);
  const alike = history === null ? await ask<{ plates: Alike[] }>(`/api/v1/plates?q=${path}&purpose=${purpose}`) : { plates: [] };
  return { history, permits, alike: alike.plates.filter((one) => one.plate !== plate) };
}

export function Past({ plate, take }: { plate: string; take(plate: string): void }) {
  const [known, setKnown] = useState<Known | null>(null);
  const [fault, setFault] = useState("");
  const form = plateForm(plate);
  const isWhole = form === "ordinary" || form === "new_energy";
  useEffect(() => {
    setKnown(null);
    setFault("");
    if (!isWhole) return;
    let gone = false;
    const soon = setTimeout(() => {
      const answer = asked.get(plate) ?? learn(plate);
      asked.set(plate, answer);
      answer.then(
        (told) => !gone && setKnown(told),
        (error: unknown) => {
          asked.delete(plate);
          if (gone) return;
          if (error instanceof Problem && error.status === 401) sessionEnded();
          setFault(error instanceof Problem ? faultWords(error) : t("field.past_offline"));
        },
      );
    }, TYPED_MS);
    return () => {
      gone = true;
      clearTimeout(soon);
    };
  }, [plate]);
  if (!isWhole) return null;
  return (
    <div class="past" role="status" data-past={known === null ? "" : plate}>
      {fault !== "" && <p class="hint">{fault}</p>}
      {fault === "" && known === null && <p class="hint">{t("field.past_asking")}</p>}
      {known !== null && <Told known={known} take={take} />}
    </div>
  );
}

function Told({ known: { history, permits, alike }, take }: { known: Known; take(plate: string): void }) {
  const acts = (history?.entries ?? []).filter((entry) => entry.kind !== "capture").slice(0, LATEST);
  return (
    <>
      <p>{history === null ? t("prior.none") : <PriorWords prior={history.prior} />}</p>
      {permits.map((permit) => (
        <p key={permit.id} class="banner">
          {t("field.permit", { until: stamp(permit.to, timeZone.value).slice(0, 16), reason: permit.reason })}
        </p>
      ))}
      {acts.length > 0 && (
        <ul class="past-acts">
          {acts.map((entry) => (
            <li key={entry.id}>
              {stamp(entry.at, timeZone.value).slice(0, 10)} {text(entry.summary)}
              {entry.state !== null && ` · ${code("state", entry.state)}`}
            </li>
          ))}
        </ul>
      )}
      {alike.length > 0 && (
        <p class="alike">
          {t("field.alike")}{" "}
          {alike.slice(0, LATEST).map((one) => (
            <button key={one.plate} type="button" class="chip plate" onClick={() => take(one.plate)}>
              {showPlate(one.plate)}
            </button>
          ))}
        </p>
      )}
      <p class="hint">{t("field.past_audited")}</p>
    </>
  );
}
