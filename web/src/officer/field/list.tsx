// What waits on this phone, in the order it was made, each with what became of it; and what was sent this shift.
import { useState } from "preact/hooks";
import { stamp } from "../../age.ts";
import type { Word } from "../../dictionary.ts";
import { WORDS } from "../../dictionary.ts";
import { t, text } from "../../i18n.ts";
import { showPlate } from "../../plate.ts";
import { session } from "../../staff.tsx";
import { timeZone } from "../city.ts";
import { reasonWords } from "../wording.ts";
import { outcome, shownSlip } from "./acts.ts";
import { mend } from "./mending.ts";
import type { Fault, Item } from "./item.ts";
import { refused, unreadable, waiting } from "./queue.ts";
import { ofShift } from "./shift.ts";
import { again, sending, sync, takeBack } from "./sync.ts";
import { MendTaken } from "./taken.tsx";

const TONES = { warning: "warn", correction: "info", penalty: "bad", seizure: "bad" } as const;

/** How the queue stands, and the button that sends it. */
export function QueueState() {
  const n = waiting.value.length;
  const bad = refused.value.length;
  const now = sending.value;
  const owner = session.value?.name;
  const word: Word = n === 0 ? "field.all_sent" : now === "rest" ? "field.waiting" : `field.queue.${now}`;
  return (
    <div class="queue-state" data-queue={n} data-refused={bad} data-sending={now} role="status">
      <span class="tag" data-tone={n === 0 ? "good" : "warn"}>
        {n === 0 ? "✓" : "↑"} {t(word, { n })}
      </span>
      {bad > 0 && (
        <span class="tag" data-tone="bad">
          ! {t("field.refused", { n: bad })}
        </span>
      )}
      {n > 0 && (
        <button type="button" class="button plain" data-sync disabled={now === "sending" || owner === undefined} onClick={() => owner !== undefined && void sync(owner)}>
          {t("field.sync")}
        </button>
      )}
    </div>
  );
}

export function QueueList({ open }: { open(): void }) {
  const me = session.value?.name;
  const pending = [...waiting.value, ...refused.value].sort((a, b) => a.order - b.order);
  const mine = pending.filter((item) => item.owner === me);
  const theirs = pending.filter((item) => item.owner !== me);
  const done = ofShift.value.filter((item) => item.state === "done").reverse();
  return (
    <section class="queue" aria-label={t("field.queue_label")}>
      {unreadable.value > 0 && <p class="fault">{t("field.unreadable", { n: unreadable.value })}</p>}
      {theirs.length > 0 && <p class="banner">{t("field.others", { n: theirs.length, names: [...new Set(theirs.map(({ owner }) => owner))].join(", ") })}</p>}
      {mine.length > 0 && (
        <>
          <h2>{t("field.queue_heading", { n: mine.length })}</h2>
          <ol class="queue-list">
            {mine.map((item, i) => (
              <Entry key={item.id} item={item} place={i + 1} open={open} />
            ))}
          </ol>
        </>
      )}
      {done.length > 0 && (
        <details>
          <summary>{t("field.done_heading", { n: done.length })}</summary>
          <ol class="queue-list">
            {done.map((item, i) => (
              <Entry key={item.id} item={item} place={done.length - i} open={open} />
            ))}
          </ol>
        </details>
      )}
    </section>
  );
}

function Entry({ item, place, open }: { item: Item; place: number; open(): void }) {
  const [sure, setSure] = useState(false);
  const [mending, setMending] = useState(false);
  const { said, matter } = item;
  const isTakenRefused = item.record !== null && said.taken !== null && !item.taken;
  const drop = async (): Promise<void> => {
    if (!(await takeBack(item))) outcome.value = { fault: true, word: "field.too_late", item: null };
  };
  return (
    <li class="card queue-item" data-item={item.id} data-state={item.state} data-kind={said.kind}>
      <p>
        <span class="order">{place}</span>{" "}
        <span class="tag" data-tone={TONES[said.kind]}>
          {matter === undefined ? t(`kind.${said.kind}`) : t("tab.matters")}
        </span>{" "}
        <strong class="plate">{matter !== undefined ? matter.number : said.plate === null ? t("records.no_plate") : showPlate(said.plate)}</strong>
      </p>
      <p>{matter === undefined ? reasonWords(said.reason) : `${text(matter.name)} · ${matter.note}`}</p>
      <p class="hint">
        {stamp(item.made_at, timeZone.value).slice(11, 16)} · {text(item.where.zone) || t("field.no_zone")}
        {item.photos.length > 0 && ` · ${t("field.photos", { n: item.photos.length })}`}
        {item.record !== null && ` · ${item.record.number}`}
      </p>
      {item.fault !== null && <Refusal fault={item.fault} partly={item.record?.number ?? null} />}
      <div class="entry-acts">
        {said.kind !== "correction" && matter === undefined && (
          <button type="button" class="button plain" onClick={() => (shownSlip.value = item.id)}>
            {t("field.slip")}
          </button>
        )}
        {item.state === "refused" && (
          <>
            <button type="button" class="button plain" onClick={() => void again(item).then(() => sync(item.owner))}>
              {t("fault.retry")}
            </button>
            {isTakenRefused && (
              <button type="button" class="button plain" data-mend-taken aria-expanded={mending} onClick={() => setMending(!mending)}>
                {t("field.mend_taken")}
              </button>
            )}
            {item.record === null && matter === undefined && (
              <button type="button" class="button plain" onClick={() => void mend(item).then(open)}>
                {t("field.mend")}
              </button>
            )}
          </>
        )}
        {item.state !== "done" && !sure && (
          <button type="button" class="button danger" data-drop onClick={() => setSure(true)}>
            {t(item.state === "refused" ? "field.discard" : "field.take_back")}
          </button>
        )}
        {mending && item.state === "refused" && <MendTaken item={item} close={() => setMending(false)} />}
        {sure && (
          <>
            <button type="button" class="button danger" data-drop-sure onClick={() => void drop()}>
              {t("field.discard_sure")}
            </button>
            <button type="button" class="button plain" onClick={() => setSure(false)}>
              {t("super.cancel")}
            </button>
          </>
        )}
      </div>
    </li>
  );
}

/** Why the server did not take it, and what to do. */
function Refusal({ fault, partly }: { fault: Fault; partly: string | null }) {
  const known = `refused.${fault.slug}`;
  const fields = Object.keys(fault.fields).map((name) => fieldWords(name));
  // Where the fields say all, the server's own sentence says nothing more.
  const isPlain = fields.length > 0 && fault.slug === "unprocessable";
  const word = isPlain ? "refused.fields" : known in WORDS ? (known as Word) : "refused.other";
  return (
    <div class="fault" role="alert">
      <p>{t(word, { detail: fault.detail })}</p>
      {fields.length > 0 && <p>{fields.join(" · ")}</p>}
      {partly !== null && <p>{t("refused.partly", { number: partly })}</p>}
    </div>
  );
}

function fieldWords(name: string): string {
  const known = `refused.field.${name}`;
  return known in WORDS ? t(known as Word) : name;
}
