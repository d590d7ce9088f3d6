// Plate history: the purpose is asked first, then everything the ledger knows, newest first.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { t } from "../i18n.ts";
import { showPlate, tidyPlate } from "../plate.ts";
import { attempt } from "../staff.tsx";
import type { PlateHistory } from "../types.ts";
import { learnCity, timeZone } from "./city.ts";
import { Timeline } from "./timeline.tsx";
import { ledgerWording, PURPOSES } from "./wording.ts";

interface Match {
  plate: string;
  last_seen: string | null;
  entries: number;
}

export function Plates() {
  const [plate, setPlate] = useState("");
  const [purpose, setPurpose] = useState("");
  const [history, setHistory] = useState<PlateHistory | null>(null);
  const [matches, setMatches] = useState<Match[] | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => void learnCity(), []);
  const vague = /[?？]/.test(plate);
  const look = async (asked: string): Promise<void> => {
    const why = encodeURIComponent(purpose);
    setFault("");
    const got = await attempt(() => ask<PlateHistory>(`/api/v1/plates/${encodeURIComponent(asked)}/history?purpose=${why}`));
    if ("fault" in got) {
      setHistory(null);
      return setFault(got.fault);
    }
    setHistory(got.done);
    setMatches(null);
  };
  const search = async (): Promise<void> => {
    setFault("");
    const query = `q=${encodeURIComponent(tidyPlate(plate))}&purpose=${encodeURIComponent(purpose)}`;
    const got = await attempt(() => ask<{ plates: Match[] }>(`/api/v1/plates?${query}`));
    if ("fault" in got) return setFault(got.fault);
    setMatches(got.done.plates);
    setHistory(null);
  };
  const ready = plate !== "" && purpose !== "";
  return (
    <section class="plates" aria-label={t("tab.plates")}>
      <form
        class="card plate-form"
        name="plate-history"
        onSubmit={(event) => {
          event.preventDefault();
          void (vague ? search() : look(tidyPlate(plate)));
        }}
      >
        <label class="field">
          <span>{t("plates.purpose")}</span>
          <select name="purpose" required value={purpose} onChange={(event) => setPurpose(event.currentTarget.value)}>
            <option value="">{t("plates.choose")}</option>
            {PURPOSES.map((word) => (
              <option key={word} value={ledgerWording(word)}>
                {t(word)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>
            {t("plates.plate")} <small>{t("plates.wildcard")}</small>
          </span>
          <input name="plate" required autocomplete="off" value={plate} onInput={(event) => setPlate(event.currentTarget.value)} />
        </label>
        <div class="plate-buttons">
          <button type="submit" class="button" disabled={!ready}>
            {t("plates.ask")}
          </button>
          <button type="button" class="button plain" disabled={!ready} onClick={() => void search()}>
            {t("plates.search")}
          </button>
        </div>
        <p class="hint">{t("plates.audited")}</p>
      </form>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {matches !== null && <Matches matches={matches} pick={(asked) => void look(asked)} />}
      {history !== null && <Timeline history={history} purpose={purpose} />}
    </section>
  );
}

function Matches({ matches, pick }: { matches: Match[]; pick(plate: string): void }) {
  if (matches.length === 0) return <p class="empty card">{t("plates.none")}</p>;
  return (
    <ul class="card matches">
      {matches.map((match) => (
        <li key={match.plate}>
          <button type="button" class="link plate" onClick={() => pick(match.plate)}>
            {showPlate(match.plate)}
          </button>
          <span class="hint">
            {t("plates.entries", { n: match.entries })}
            {match.last_seen !== null && ` · ${stamp(match.last_seen, timeZone.value)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
