// One incident with its two pictures and all that a fair decision needs; decided with two keys.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { durationWords, stamp } from "../../age.ts";
import { distanceWords } from "../../geo.ts";
import { ask, Problem } from "../../http.ts";
import { code, lang, t, text } from "../../i18n.ts";
import { showPlate, tidyPlate } from "../../plate.ts";
import { attempt, faultWords } from "../../staff.tsx";
import type { Incident, LedgerRecord } from "../../types.ts";
import { timeZone } from "../city.ts";
import { Evidence } from "../evidence.tsx";
import { PriorWords } from "../prior.tsx";
import { ledgerWording, VOID_REASONS } from "../wording.ts";

type Decision = "warning" | "penalty" | "reject";

interface Props {
  incident: Incident;
  /** True once something was decided: the next one then takes the focus the decided one had. */
  follows: boolean;
  decided(words: string): void;
  fault(words: string): void;
}

const DECISION_KEYS: Record<string, Decision> = { "1": "warning", "2": "penalty", "3": "reject" };

export function IncidentCard({ incident, follows, decided, fault }: Props) {
  const card = useRef<HTMLElement>(null);
  const [reason, setReason] = useState("");
  const [said, setSaid] = useState("");
  const [rejecting, setRejecting] = useState(false);
  const [busy, setBusy] = useState(false);
  const state = useRef({ rejecting: false, busy: false });
  state.current = { rejecting, busy };

  const focus = (selector: string): void => {
    // After the next drawing, for the button may only just be coming.
    requestAnimationFrame(() => card.current?.querySelector<HTMLElement>(selector)?.focus());
  };
  // In the same step as the drawing: a key pressed as soon as the incident is seen is meant for it.
  useLayoutEffect(() => {
    // Only what was lost with the decided one is taken; a reader elsewhere on the page is not moved.
    if (follows && (document.activeElement === null || document.activeElement === document.body)) {
      card.current?.focus({ preventScroll: true });
    }
    const keys = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, dialog") !== null) return;
      if (state.current.rejecting) {
        const word = VOID_REASONS[Number(event.key) - 1];
        if (event.key === "Escape") setRejecting(false);
        if (word === undefined) return;
        event.preventDefault();
        setReason(ledgerWording(word));
        return focus('[data-decision="reject"]');
      }
      if (event.key === "p") {
        event.preventDefault();
        return focus('[name="plate"]');
      }
      const decision = DECISION_KEYS[event.key];
      if (decision === undefined) return;
      event.preventDefault();
      if (decision === "reject") setRejecting(true);
      focus(`[data-decision="${decision}"]`);
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);

  const decide = async (decision: Decision): Promise<void> => {
    if (busy) return;
    if (decision === "reject" && reason.trim() === "") {
      setRejecting(true);
      return fault(t("review.reason_missing"));
    }
    setBusy(true);
    try {
      const plate = tidyPlate(said);
      const json = { decision, ...(reason.trim() === "" ? {} : { reason: reason.trim() }), ...(plate === "" ? {} : { plate }) };
      const path = `/api/v1/incidents/${encodeURIComponent(incident.id)}/review`;
      const { record } = await ask<{ record: LedgerRecord | null }>(path, { method: "POST", json });
      decided(record === null ? t("review.rejected") : t("review.done", { number: record.number }));
    } catch (error) {
      if (error instanceof Problem && "plate" in error.fields) {
        fault(t("review.need_plate"));
        return focus('[name="plate"]');
      }
      const isTaken = error instanceof Problem && (error.slug === "already-reviewed" || error.slug === "claimed");
      if (isTaken) decided(t("review.taken"));
      else fault(faultWords(error));
    } finally {
      setBusy(false);
    }
  };

  const plate = incident.plate === null ? t("review.plate_unread") : showPlate(incident.plate);
  const readings = incident.as_read ?? [];
  const otherReadings = readings.length > 1 || incident.plate === null ? readings : [];
  return (
    <article ref={card} class="card incident" tabIndex={-1} aria-label={plate} data-incident={incident.id}>
      <header class="incident-head">
        <h3 class="plate">{plate}</h3>
        <span class="tag">{t(`vehicle.${incident.vehicle_class}`)}</span>
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
          <input name="reason" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        {rejecting && (
          <div class="chips" role="group" aria-label={t("review.reasons")}>
            {VOID_REASONS.map((word, i) => (
              <button
                key={word}
                type="button"
                class="chip"
                aria-pressed={reason === ledgerWording(word)}
                onClick={() => {
                  setReason(ledgerWording(word));
                  focus('[data-decision="reject"]');
                }}
              >
                <kbd>{i + 1}</kbd> {t(word)}
              </button>
            ))}
          </div>
        )}
        <div class="decide-buttons">
          <button type="button" class="button" data-decision="warning" disabled={busy} onClick={() => void decide("warning")}>
            {t("review.warning")} <kbd>1</kbd>
          </button>
          <button type="button" class="button" data-decision="penalty" disabled={busy} onClick={() => void decide("penalty")}>
            {t("review.penalty")} <kbd>2</kbd>
          </button>
          <button type="button" class="button danger" data-decision="reject" disabled={busy} onClick={() => void decide("reject")}>
            {t("review.reject")} <kbd>3</kbd>
          </button>
        </div>
        <p class="hint key-hint">{t("review.key_help")}</p>
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
            {image !== undefined && <Evidence image={image} alt={t("review.alt", { when, camera })} />}
            <figcaption>
              <strong>{t(i === 0 ? "review.first" : "review.last")}</strong> {when} · {camera}
              {(capture.doubts ?? []).map((doubt) => (
                <span key={doubt} class="tag" data-tone="warn">
                  ! {code("doubt", doubt)}
                </span>
              ))}
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
  const limit = zone.dwell_s === null ? "—" : durationWords(zone.dwell_s, lang.value);
  const then = incident.lots_when_ripe;
  const lots = then ?? incident.nearest_lots;
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
        <dd>{zone.rule === null ? "—" : code("rule", zone.rule)}</dd>
      </div>
      <div>
        <dt>{t("review.dwell")}</dt>
        <dd>{t("review.dwell_of", { stayed, limit })}</dd>
      </div>
      <div>
        <dt>{t("review.exempt")}</dt>
        <dd>
          <Exemptions incident={incident} />
        </dd>
      </div>
      <div>
        <dt>{t("review.prior")}</dt>
        <dd>
          <PriorWords prior={incident.prior} />
        </dd>
      </div>
      <div class="wide-fact">
        <dt>{t(then === null || then === undefined ? "review.nearest" : "review.nearest_then")}</dt>
        <dd>
          <ul>
            {lots.map((lot) => (
              <li key={lot.id}>
                {text(lot.name)}
                <small> · {lot.free === null ? t("field.free_unknown") : t("field.free", { n: lot.free })} · {distanceWords(lot.distance_m)}</small>
              </li>
            ))}
          </ul>
        </dd>
      </div>
    </dl>
  );
}

interface Permit {
  id: string;
  zone: string | null;
  to: string;
  reason: string;
}

/** What could excuse it: a permit that runs, or a plate that may be on urgent duty. */
function Exemptions({ incident }: { incident: Incident }) {
  const [permits, setPermits] = useState<Permit[]>([]);
  useEffect(() => {
    if (incident.plate === null) return;
    let gone = false;
    void attempt(() => ask<{ permits: Permit[] }>(`/api/v1/permits?plate=${encodeURIComponent(incident.plate ?? "")}&limit=5`)).then((got) => {
      if ("done" in got && !gone) setPermits(got.done.permits);
    });
    return () => {
      gone = true;
    };
  }, [incident.id]);
  if (permits.length === 0 && incident.may_be_on_duty !== true) return <>{t("review.not_exempt")}</>;
  return (
    <>
      {incident.may_be_on_duty === true && (
        <span class="tag" data-tone="warn">
          ! {t("review.on_duty")}
        </span>
      )}
      {permits.map((permit) => (
        <span key={permit.id} class="tag" data-tone="warn">
          ! {t("field.permit", { until: stamp(permit.to, timeZone.value).slice(0, 16), reason: permit.reason })}
        </span>
      ))}
    </>
  );
}
