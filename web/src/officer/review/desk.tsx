// The review desk: one ripe incident at a time, taken by this officer alone while it is looked at; all of it by keyboard.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, askAll, Problem } from "../../http.ts";
import { t } from "../../i18n.ts";
import { attempt, session } from "../../staff.tsx";
import type { Incident } from "../../types.ts";
import { learnCity } from "../city.ts";
import { IncidentCard } from "./incident.tsx";

const REFRESH_MS = 20_000;
const RENEW_MS = 120_000;

const path = (id: string, what: string): string => `/api/v1/incidents/${encodeURIComponent(id)}/${what}`;

/** Takes an incident; false if somebody else has it, or it was decided meanwhile. */
async function claim(id: string): Promise<boolean> {
  try {
    await ask(path(id, "claim"), { method: "POST", json: {} });
    return true;
  } catch (error) {
    if (error instanceof Problem && (error.status === 409 || error.status === 404)) return false;
    throw error;
  }
}

/** Gives one back; also while the page goes away. */
function release(id: string): void {
  void fetch(path(id, "claim"), { method: "DELETE", headers: { "X-Yunpark": "1" }, keepalive: true }).catch(() => undefined);
}

interface Desk {
  /** All that wait, whoever has them. */
  waiting: Incident[] | null;
  /** The one this officer has. */
  mine: Incident | null;
}

export function Review() {
  const [desk, setDesk] = useState<Desk>({ waiting: null, mine: null });
  const [note, setNote] = useState<{ fault: boolean; words: string } | null>(null);
  const [decisions, setDecisions] = useState(0);
  const now = useRef(desk);
  now.current = desk;
  const passed = useRef<string[]>([]);
  const gone = useRef(new Set<string>());
  const busy = useRef(false);
  const me = session.value?.name;

  const put = (part: Partial<Desk>): void => {
    now.current = { ...now.current, ...part };
    setDesk(now.current);
  };

  /** Takes the first that nobody else has and that was not passed over; those that were come again at the end. */
  const takeNext = async (): Promise<void> => {
    const free = ({ id, claim: has }: Incident): boolean => !gone.current.has(id) && (has === null || has === undefined || has.person === me);
    const all = (now.current.waiting ?? []).filter(free);
    const isPassed = ({ id }: Incident): boolean => passed.current.includes(id);
    for (const incident of [...all.filter((one) => !isPassed(one)), ...all.filter(isPassed)]) {
      if (await claim(incident.id)) return put({ mine: incident });
      gone.current.add(incident.id);
    }
    put({ mine: null });
  };

  /** One thing at a time: a key held down takes nothing twice. */
  const alone = async (work: () => Promise<void>): Promise<void> => {
    if (busy.current) return;
    busy.current = true;
    try {
      const got = await attempt(work);
      if ("fault" in got) setNote({ fault: true, words: got.fault });
    } finally {
      busy.current = false;
    }
  };

  const refresh = (): Promise<void> =>
    alone(async () => {
      const { items } = await askAll<Incident, "incidents">("/api/v1/incidents?state=ripe", "incidents");
      gone.current.clear();
      const { mine } = now.current;
      put({ waiting: items, mine: mine === null ? null : (items.find(({ id }) => id === mine.id) ?? null) });
      if (now.current.mine === null) await takeNext();
    });

  useEffect(() => {
    void learnCity();
    void refresh();
    const again = setInterval(() => void refresh(), REFRESH_MS);
    const renew = setInterval(() => {
      const { mine } = now.current;
      if (mine !== null) void claim(mine.id).catch(() => undefined);
    }, RENEW_MS);
    const letGo = (): void => {
      if (now.current.mine !== null) release(now.current.mine.id);
    };
    addEventListener("pagehide", letGo);
    return () => {
      clearInterval(again);
      clearInterval(renew);
      removeEventListener("pagehide", letGo);
      letGo();
    };
  }, []);

  const pass = (): Promise<void> =>
    alone(async () => {
      const { mine } = now.current;
      if (mine === null) return;
      passed.current = [...passed.current.filter((id) => id !== mine.id), mine.id];
      release(mine.id);
      await takeNext();
    });

  const back = (): Promise<void> =>
    alone(async () => {
      const before = passed.current.at(-1);
      const incident = now.current.waiting?.find(({ id }) => id === before);
      passed.current = passed.current.slice(0, -1);
      if (incident === undefined || !(await claim(incident.id))) return;
      if (now.current.mine !== null && now.current.mine.id !== incident.id) release(now.current.mine.id);
      put({ mine: incident });
    });

  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, dialog") !== null) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j" || event.key === "ArrowRight") void pass();
      if (event.key === "k" || event.key === "ArrowLeft") void back();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);

  const decided = (id: string, words: string): void => {
    setNote({ fault: false, words });
    setDecisions((n) => n + 1);
    gone.current.add(id);
    put({ waiting: (now.current.waiting ?? []).filter((incident) => incident.id !== id), mine: null });
    void alone(takeNext).then(() => (now.current.mine === null ? refresh() : undefined));
  };

  const { waiting, mine } = desk;
  const elsewhere = (waiting ?? []).filter(({ claim: has }) => has !== null && has !== undefined && has.person !== me).length;
  return (
    <section class="review" aria-label={t("tab.review")} data-review={waiting === null ? "" : waiting.length}>
      <div class="review-head">
        <h2>
          {waiting === null ? t("tab.review") : t("review.waiting", { n: waiting.length })}
          {elsewhere > 0 && <small> · {t("review.elsewhere", { n: elsewhere })}</small>}
        </h2>
        {note !== null && (
          <p class={note.fault ? "fault" : "saved"} role="status">
            {note.words}
          </p>
        )}
        {mine !== null && (
          <div class="review-move">
            <button type="button" class="button plain" disabled={passed.current.length === 0} onClick={() => void back()}>
              {t("review.previous")}
            </button>
            <button type="button" class="button plain" onClick={() => void pass()}>
              {t("review.next")}
            </button>
          </div>
        )}
      </div>
      {waiting?.length === 0 && <p class="empty card">{t("review.none")}</p>}
      {waiting !== null && waiting.length > 0 && mine === null && elsewhere > 0 && <p class="empty card">{t("review.all_taken")}</p>}
      {mine !== null && (
        <IncidentCard
          key={mine.id}
          incident={mine}
          follows={decisions > 0}
          decided={(words) => decided(mine.id, words)}
          fault={(words) => setNote({ fault: true, words })}
        />
      )}
    </section>
  );
}
