// Matters dispatched to the officer: the list is kept on the phone, and what was put right goes through the queue like every act.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ageWords, durationWords } from "../../age.ts";
import { learnServerTime, serverNowMs, shownNowMs } from "../../clock.ts";
import { ask } from "../../http.ts";
import { distanceM, distanceWords } from "../../geo.ts";
import { code, lang, t, text } from "../../i18n.ts";
import type { Matter } from "../../matters/types.ts";
import { session } from "../../staff.tsx";
import { newSlip, type Item, type PhotoFacts } from "./item.ts";
import { QueueList, QueueState } from "./list.tsx";
import { takePhoto } from "./photos.ts";
import { Camera, KeptPhoto } from "./pieces.tsx";
import { add, items } from "./queue.ts";
import { keepSyncing, sync } from "./sync.ts";
import { canKeep, keepSealed, keptSealed } from "./vault.ts";
import { followPosition, freshFix } from "./where.ts";

interface Kept {
  at: string;
  matters: Matter[];
}

const EVERY_MS = 30_000;
const MOST_PHOTOS = 4;

const mine = signal<Kept | null>(null);
const isOld = signal(false);

const placeOf = (owner: string): string => `matters/${owner}`;

/** Asks for the officer's matters; without a network the ones of the last time stay. */
async function learnMatters(owner: string): Promise<void> {
  try {
    const answer = await ask<{ now: string; matters: Matter[] }>("/api/v1/matters?mine=true&state=dispatched&limit=200");
    learnServerTime(answer.now);
    mine.value = { at: answer.now, matters: answer.matters };
    isOld.value = false;
    await keepSealed(placeOf(owner), mine.value).catch(() => undefined);
  } catch {
    mine.value ??= await keptSealed<Kept>(placeOf(owner)).catch(() => null);
    isOld.value = true;
  }
}

export function FieldMatters() {
  const owner = session.value?.name ?? "";
  useEffect(() => {
    if (!canKeep() || owner === "") return;
    mine.value = null;
    void learnMatters(owner);
    const stops = [followPosition(), keepSyncing(() => session.peek()?.name ?? null)];
    const again = setInterval(() => document.visibilityState === "visible" && void learnMatters(owner), EVERY_MS);
    return () => {
      clearInterval(again);
      for (const stop of stops) stop();
    };
  }, [owner]);
  if (!canKeep()) return <p class="fault">{t("field.insecure")}</p>;
  const queued = new Map(items.value.flatMap((item) => (item.matter === undefined ? [] : [[item.matter.id, item]])));
  const open = mine.value?.matters.filter((matter) => queued.get(matter.id)?.state !== "done") ?? [];
  return (
    <section class="field-page" aria-label={t("tab.matters")} data-field-matters={open.length}>
      <QueueState />
      {isOld.value && mine.value !== null && <p class="banner">{t("fmatters.old", { age: ageWords((shownNowMs() - Date.parse(mine.value.at)) / 1000, lang.value) })}</p>}
      {mine.value !== null && open.length === 0 && <p class="empty">{t("fmatters.none")}</p>}
      <ul class="field-matters">
        {open.map((matter) => (
          <Card key={matter.id} matter={matter} owner={owner} queued={queued.get(matter.id)} />
        ))}
      </ul>
      <QueueList open={() => undefined} />
    </section>
  );
}

function Card({ matter, owner, queued }: { matter: Matter; owner: string; queued: Item | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const due = matter.due === null ? null : (Date.parse(matter.due.by) - shownNowMs()) / 1000;
  const here = freshFix()?.at ?? null;
  const far = here === null || matter.location === null ? null : distanceM(here, matter.location);
  return (
    <li class="card field-matter" data-field-matter={matter.number}>
      <header>
        <strong>{text(matter.category_name)}</strong>
        {due !== null && (
          <span class="tag" data-tone={due < 0 ? "bad" : due < 3600 ? "warn" : "good"}>
            {t(due < 0 ? "matters.over" : "matters.left", { span: durationWords(Math.abs(due), lang.value) })}
          </span>
        )}
      </header>
      <p class="hint">
        {matter.number} · {text(matter.cell_name)} · {code("source", matter.source)}
        {far !== null && ` · ${t("fmatters.here", { m: distanceWords(far) })}`}
      </p>
      {queued !== undefined && queued.state === "waiting" && (
        <p>
          <span class="tag" data-tone="warn">
            ↑ {t("fmatters.waiting")}
          </span>
        </p>
      )}
      {queued === undefined && (
        <button type="button" class="button plain" data-handle={matter.number} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t(isOpen ? "fmatters.close" : "fmatters.open")}
        </button>
      )}
      {isOpen && queued === undefined && <Handle matter={matter} owner={owner} />}
    </li>
  );
}

function Handle({ matter, owner }: { matter: Matter; owner: string }) {
  const [id] = useState(newSlip);
  const [note, setNote] = useState("");
  const [photos, setPhotos] = useState<PhotoFacts[]>([]);
  const [fault, setFault] = useState("");
  const shoot = async (file: Blob): Promise<void> => {
    try {
      const photo = await takePhoto(id, file);
      setPhotos((now) => (now.some(({ sha256 }) => sha256 === photo.sha256) ? now : [...now, photo].slice(0, MOST_PHOTOS)));
    } catch {
      setFault(t("street.photo_bad"));
    }
  };
  const submit = async (): Promise<void> => {
    if (matter.needs_picture && photos.length === 0) return setFault(t("matters.need_photo"));
    const said = note.trim() === "" ? t("fmatters.submit") : note.trim();
    const item: Omit<Item, "order"> = {
      id,
      owner,
      made_at: new Date(serverNowMs()).toISOString(),
      said: { kind: "correction", vehicle_class: "motor", plate: null, location: matter.location, accuracy_m: null, zone: null, grid_cell: matter.cell, reason: "", note: said, act: null, legal_basis: null, ground: null, taken: null },
      where: { zone: null, cell: matter.cell_name, unit: matter.unit_name },
      near: [],
      photos,
      state: "waiting",
      capture: null,
      record: null,
      taken: false,
      fault: null,
      matter: { id: matter.id, number: matter.number, name: matter.category_name, note: said },
    };
    try {
      await add(item, [], null);
      navigator.vibrate?.(60);
      void sync(owner);
    } catch {
      setFault(t("field.not_kept"));
    }
  };
  return (
    <form
      name="handle"
      class="field-handle"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="photos">
        {photos.map((photo, i) => (
          <figure key={photo.sha256} data-photo={photo.sha256}>
            <KeptPhoto of={id} photo={photo} n={i + 1} />
          </figure>
        ))}
        {photos.length < MOST_PHOTOS && (
          <Camera class="add-photo" id="handled" pick={(file) => void shoot(file)}>
            ＋ {t("fmatters.photo")}
          </Camera>
        )}
      </div>
      <label class="field">
        <span>{t("fmatters.note")}</span>
        <textarea name="note" rows={2} maxLength={1000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" class="button">
        {t("fmatters.submit")}
      </button>
    </form>
  );
}
