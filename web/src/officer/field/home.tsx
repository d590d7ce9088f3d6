// The officer's field page: a correction is one tap, every other act begins with one; what waits stands below.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { code, t } from "../../i18n.ts";
import { session } from "../../staff.tsx";
import { REASONS } from "../wording.ts";
import { correct, lacking, outcome } from "./acts.ts";
import { begin, draft, isBegun, lastReason, recallDraft } from "./draft.ts";
import { ActForm } from "./form.tsx";
import { kit, learnKit, learnLots, unreachable } from "./kit.ts";
import { QueueList, QueueState } from "./list.tsx";
import { Nearest } from "./nearest.tsx";
import { Camera } from "./pieces.tsx";
import { placeWords } from "./place.tsx";
import { items } from "./queue.ts";
import { corrections } from "./shift.ts";
import { keepSyncing, takeBack } from "./sync.ts";
import { askToStay, canKeep } from "./vault.ts";
import { followPosition, foundAt, freshFix, noFix } from "./where.ts";

const LOTS_EVERY_MS = 30_000;
const FORM = "#street/act";
const HOME = "#street";
const NOWHERE = { zone: "", cell: "" };

const reason = signal(lastReason());
/** True while the form stands before the officer; the browser's way back leads home. */
const atForm = signal(location.hash === FORM);

addEventListener("popstate", () => (atForm.value = location.hash === FORM));

function openForm(): void {
  lacking.value = {};
  outcome.value = null;
  if (!atForm.value) history.pushState(null, "", FORM);
  atForm.value = true;
  scrollTo(0, 0);
}

function leaveForm(): void {
  history.replaceState(null, "", HOME);
  atForm.value = false;
  scrollTo(0, 0);
}

export function Field() {
  const owner = session.value?.name ?? "";
  useEffect(() => {
    if (!canKeep()) return;
    void askToStay();
    void recallDraft(owner);
    void learnKit();
    const stops = [followPosition(), keepSyncing(() => session.peek()?.name ?? null)];
    const again = setInterval(() => document.visibilityState === "visible" && void learnLots(), LOTS_EVERY_MS);
    return () => {
      clearInterval(again);
      for (const stop of stops) stop();
    };
  }, [owner]);
  if (!canKeep()) return <p class="fault">{t("field.insecure")}</p>;
  return (
    <section class="field-page" aria-label={t("tab.street")} data-field={kit.value === null ? "learning" : "ready"}>
      <QueueState />
      {unreachable.value && <p class="banner">{t("field.offline")}</p>}
      {atForm.value && draft.value !== null ? <ActForm now={draft.value} leave={leaveForm} /> : <Home />}
    </section>
  );
}

function Home() {
  const now = draft.value;
  const known = freshFix();
  const at = known?.at ?? null;
  return (
    <>
      <p class="standing" data-standing>
        {placeWords(foundAt(at, NOWHERE), at)}
        {known !== null && <small> · ±{known.accuracyM} m</small>}
        {noFix.value && <small> · {t("field.no_gps")}</small>}
      </p>
      <div class="correct">
        <button type="button" class="button correct-one" data-correct onClick={() => void correct(reason.value, null)}>
          <span class="tally">
            <strong data-corrections>{corrections.value}</strong> {t("field.tally")}
          </span>
          <span class="correct-word">＋1 {t("field.correct")}</span>
        </button>
        <Camera class="button plain correct-photo" id="correction" pick={(file) => void correct(reason.value, file)}>
          {t("field.correct_photo")}
        </Camera>
      </div>
      <Said />
      <div class="chips reasons" role="group" aria-label={t("field.correct_reason")}>
        {REASONS.map((word) => (
          <button key={word} type="button" class="chip" aria-pressed={reason.value === word} onClick={() => (reason.value = word)}>
            {t(word)}
          </button>
        ))}
      </div>
      {now !== null && isBegun(now) && (
        <button type="button" class="button plain go-on" data-go-on onClick={openForm}>
          {t("field.go_on", { kind: code("field.act", now.kind) })}
        </button>
      )}
      <div class="big-acts">
        {(["warning", "penalty", "seizure"] as const).map((kind) => (
          <button
            key={kind}
            type="button"
            class="big-act"
            data-kind={kind}
            onClick={() => {
              begin(kind);
              openForm();
            }}
          >
            <strong>{t(`field.act.${kind}`)}</strong>
            <small>{t(`field.act_hint.${kind}`)}</small>
          </button>
        ))}
      </div>
      <QueueList open={openForm} />
      <Nearest at={at} vehicleClass="motor" />
    </>
  );
}

/** What the last tap came to, with the way to take it back while it is still on the phone. */
function Said() {
  const told = outcome.value;
  if (told === null) return null;
  const item = items.value.find(({ id }) => id === told.item);
  const undo = async (): Promise<void> => {
    if (item === undefined) return;
    const done = await takeBack(item);
    outcome.value = { fault: !done, word: done ? "field.taken_back" : "field.too_late", item: null };
  };
  return (
    <p class={told.fault ? "fault outcome" : "saved outcome"} role={told.fault ? "alert" : "status"} data-outcome={told.word}>
      <span>{t(told.word, { n: corrections.value })}</span>
      {item?.state === "waiting" && (
        <button type="button" class="link" data-undo onClick={() => void undo()}>
          {t("field.undo")}
        </button>
      )}
    </p>
  );
}
