// The review desk: each ripe incident with its two pictures and what a fair decision needs.
import { useEffect, useRef, useState } from "preact/hooks";
import { durationWords, stamp } from "../age.ts";
import { distanceWords } from "../geo.ts";
import { ask, askAll, Problem } from "../http.ts";
import { code, lang, t, text } from "../i18n.ts";
import { showPlate, tidyPlate } from "../plate.ts";
import { attempt, faultWords } from "../staff.tsx";
import type { Incident, LedgerRecord } from "../types.ts";
import { learnCity, timeZone } from "./city.ts";
import { PriorWords } from "./prior.tsx";
import { ledgerWording, VOID_REASONS } from "./wording.ts";

type Decision = "warning" | "penalty" | "reject";

const REFRESH_MS = 20_000;

/** What was shown stays in its place for as long as it waits; what ripened since stands below. */
function merged(before: Incident[] | null, now: Incident[]): Incident[] {
  const fresh = new Map(now.map((incident) => [incident.id, incident]));
  const kept = (before ?? []).flatMap((incident) => fresh.get(incident.id) ?? []);
  const shown = new Set(kept.map((incident) => incident.id));
  return [...kept, ...now.filter((incident) => !shown.has(incident.id))];
}

export function Review() {
  const [incidents, setIncidents] = useState<Incident[] | null>(null);
  const [at, setAt] = useState(0);
  const [decisions, setDecisions] = useState(0);
  const [note, setNote] = useState<{ fault: boolean; words: string } | null>(null);
  const fetchAll = async (): Promise<void> => {
    const got = await attempt(() => askAll<Incident, "incidents">("/api/v1/incidents?state=ripe", "incidents"));
    if ("done" in got) setIncidents((before) => merged(before, got.done.items));
    else setNote({ fault: true, words: got.fault });
  };
  useEffect(() => {
    void learnCity();
    void fetchAll();
    const again = setInterval(() => void fetchAll(), REFRESH_MS);
    return () => clearInterval(again);
  }, []);
  const count = incidents?.length ?? 0;
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j" || event.key === "ArrowRight") setAt((i) => Math.min(count - 1, i + 1));
      if (event.key === "k" || event.key === "ArrowLeft") setAt((i) => Math.max(0, i - 1));
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [count]);
  const decided = (id: string, words: string): void => {
    setNote({ fault: false, words });
    setIncidents((all) => all?.filter((incident) => incident.id !== id) ?? null);
    setAt((i) => Math.max(0, Math.min(i, count - 2)));
    setDecisions((n) => n + 1);
  };
  const place = Math.min(at, Math.max(0, count - 1));
  const incident = incidents?.[place];
  return (
    <section class="review" aria-label={t("tab.review")}>
      <div class="review-head">
        <h2>{t("review.waiting", { n: count })}</h2>
        {note !== null && (
          <p class={note.fault ? "fault" : "saved"} role="status">
            {note.words}
          </p>
        )}
        {count > 0 && (
          <div class="review-move">
            <span class="hint">{t("review.of", { i: place + 1, n: count })}</span>
            <button type="button" class="button plain" disabled={place === 0} onClick={() => setAt(place - 1)}>
              {t("review.previous")}
            </button>
            <button type="button" class="button plain" disabled={place >= count - 1} onClick={() => setAt(place + 1)}>
              {t("review.next")}
            </button>
          </div>
        )}
      </div>
      {incidents?.length === 0 && <p class="empty card">{t("review.none")}</p>}
      {incident !== undefined && (
        <IncidentDesk
          key={incident.id}
          incident={incident}
          follows={decisions > 0}
          decided={(words) => decided(incident.id, words)}
          fault={(words) => setNote({ fault: true, words })}
        />
      )}
    </section>
  );
}

interface DeskProps {
  incident: Incident;
  /** True once something was decided: the next one then takes the focus the decided one had. */
  follows: boolean;
  decided(words: string): void;
  fault(words: string): void;
}

const DECISION_KEYS: Record<string, Decision> = { "1": "warning", "2": "penalty", "3": "reject" };

function IncidentDesk({ incident, follows, decided, fault }: DeskProps) {
  const desk = useRef<HTMLElement>(null);
  const [reason, setReason] = useState("");
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    // Only what was lost with the decided one is taken; a reader elsewhere on the page is not moved.
    if (follows && (document.activeElement === null || document.activeElement === document.body)) {
      desk.current?.focus({ preventScroll: true });
    }
    const keys = (event: KeyboardEvent): void => {
      const decision = DECISION_KEYS[event.key];
      if (decision === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null) return;
      event.preventDefault();
      const unexplained = decision === "reject" && desk.current?.querySelector<HTMLInputElement>('[name="reason"]')?.value.trim() === "";
      desk.current?.querySelector<HTMLElement>(unexplained ? '[name="reason"]' : `[data-decision="${decision}"]`)?.focus();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  const decide = async (decision: Decision): Promise<void> => {
    if (decision === "reject" && reason.trim() === "") return fault(t("review.reason_missing"));
    setBusy(true);
    try {
      const plate = tidyPlate(said);
      const json = {
        decision,
        ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
        ...(plate === "" ? {} : { plate }),
      };
      const path = `/api/v1/incidents/${encodeURIComponent(incident.id)}/review`;
      const { record } = await ask<{ record: LedgerRecord | null }>(path, { method: "POST", json });
      decided(record === null ? t("review.rejected") : t("review.done", { number: record.number }));
    } catch (error) {
      if (error instanceof Problem && error.status === 409) decided(t("review.taken"));
      else fault(faultWords(error));
    } finally {
      setBusy(false);
    }
  };
  const plate = incident.plate === null ? t("review.plate_unread") : showPlate(incident.plate);
  const readings = incident.as_read ?? [];
  const otherReadings = readings.length > 1 || incident.plate === null ? readings : [];
  return (
    <article ref={desk} class="card incident" tabIndex={-1} aria-label={plate} data-incident={incident.id}>
      <header class="incident-head">
        <h3 class="plate">{plate}</h3>
        <span class="tag">{t(`vehicle.${incident.vehicle_class}`)}</span>
        {incident.may_be_on_duty === true && (
          <span class="tag" data-tone="warn">
            ! {t("review.on_duty")}
          </span>
        )}
        {otherReadings.length > 0 && <span class="hint">{t("review.as_read", { plates: otherReadings.map(showPlate).join(", ") })}</span>}
      </header>
      <Pictures incident={incident} />
      <Facts incident={incident} />
      <div class="decide">
        {otherReadings.length > 0 && (
          <label class="field">
            <span>
              {t("review.plate")} <small>{t("review.plate_hint")}</small>
            </span>
            <input name="plate" list="readings" autocomplete="off" value={said} onInput={(event) => setSaid(event.currentTarget.value)} />
            <datalist id="readings">
              {otherReadings.map((reading) => (
                <option key={reading} value={reading} />
              ))}
            </datalist>
          </label>
        )}
        <label class="field">
          <span>
            {t("review.reason")} <small>{t("review.reason_hint")}</small>
          </span>
          <input name="reason" list="void-reasons" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <datalist id="void-reasons">
          {VOID_REASONS.map((word) => (
            <option key={word} value={ledgerWording(word)} label={t(word)} />
          ))}
        </datalist>
        <div class="decide-buttons">
          <button type="button" class="button" data-decision="warning" disabled={busy} onClick={() => void decide("warning")}>
            {t("review.warning")}
          </button>
          <button type="button" class="button" data-decision="penalty" disabled={busy} onClick={() => void decide("penalty")}>
            {t("review.penalty")}
          </button>
          <button type="button" class="button danger" data-decision="reject" disabled={busy} onClick={() => void decide("reject")}>
            {t("review.reject")}
          </button>
        </div>
        <p class="hint key-hint">{t("review.keys")}</p>
      </div>
    </article>
  );
}

/** The first and the last capture: a stay is proved by two. */
function Pictures({ incident }: { incident: Incident }) {
  const first = incident.captures[0];
  const last = incident.captures.at(-1);
  const pair = first === last ? [first] : [first, last];
  return (
    <div class="pictures">
      {pair.map((capture, i) => {
        if (capture === undefined) return null;
        const when = stamp(capture.at, timeZone.value);
        const camera = capture.camera ?? t("review.by_hand");
        const image = capture.images[0];
        return (
          <figure key={capture.id}>
            {image !== undefined && (
              <a href={image.url} target="_blank" rel="noopener">
                <img src={image.url} alt={t("review.alt", { when, camera })} loading="lazy" />
              </a>
            )}
            <figcaption>
              <strong>{t(i === 0 ? "review.first" : "review.last")}</strong> {when} · {camera}
            </figcaption>
          </figure>
        );
      })}
    </div>
  );
}

function Facts({ incident }: { incident: Incident }) {
  const { zone } = incident;
  const stayed = durationWords(incident.dwell_s, lang.value);
  const limit = durationWords(zone.dwell_s, lang.value);
  return (
    <dl class="facts">
      <div>
        <dt>{t("review.zone")}</dt>
        <dd>
          {text(zone.name)}
          {zone.street_class !== null && <small> · {t("review.class", { class: zone.street_class })}</small>}
        </dd>
      </div>
      <div>
        <dt>{t("review.rule")}</dt>
        <dd>{code("rule", zone.rule)}</dd>
      </div>
      <div>
        <dt>{t("review.dwell")}</dt>
        <dd>{t("review.dwell_of", { stayed, limit })}</dd>
      </div>
      <div>
        <dt>{t("review.prior")}</dt>
        <dd>
          <PriorWords prior={incident.prior} />
        </dd>
      </div>
      <div class="wide-fact">
        <dt>{t("review.nearest")}</dt>
        <dd>
          <ul>
            {incident.nearest_lots.map((lot) => (
              <li key={lot.id}>
                {text(lot.name)}
                <small> · {t("review.lot", { free: lot.free ?? "–", distance: distanceWords(lot.distance_m) })}</small>
              </li>
            ))}
          </ul>
        </dd>
      </div>
    </dl>
  );
}
