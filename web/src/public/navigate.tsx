// The sheet that asks which map application should lead the driver.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { lang, t, text } from "../i18n.ts";
import type { Lot } from "../types.ts";
import { tellUnderWay } from "./arrival.ts";
import { navigationLink, target, type MapApp } from "./links.ts";

const goal = signal<Lot | null>(null);
/** Which of its entrances. */
const entrance = signal(0);
const copied = signal<string | null>(null);
const APPS: MapApp[] = ["amap", "baidu", "tencent", "apple", "google", "geo"];

/** Opens the sheet for a lot, and for the first of its entrances unless another is named. */
export function navigateTo(lot: Lot, place = 0): void {
  entrance.value = place;
  copied.value = null;
  goal.value = lot;
}

export function Navigate() {
  const dialog = useRef<HTMLDialogElement>(null);
  const lot = goal.value;
  useEffect(() => {
    if (lot !== null && dialog.current?.open === false) dialog.current.showModal();
  }, [lot]);
  if (lot === null) return null;
  const at = target(lot.location, lot.entrances, entrance.value);
  const name = text(lot.name);
  const written = `${at[1].toFixed(6)}, ${at[0].toFixed(6)}`;
  return (
    <dialog
      ref={dialog}
      class="navigate"
      aria-labelledby="navigate-heading"
      onClose={() => (goal.value = null)}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="navigate-body">
        <h2 id="navigate-heading">{t("go.heading")}</h2>
        <p>{name}</p>
        {lot.entrances.length > 1 && (
          <label class="field">
            <span>{t("go.entrance")}</span>
            <select name="entrance" value={entrance.value} onChange={(event) => (entrance.value = Number(event.currentTarget.value))}>
              {lot.entrances.map((_, place) => (
                <option key={place} value={place}>
                  {t("lot.entrance", { n: place + 1 })}
                </option>
              ))}
            </select>
          </label>
        )}
        <ul>
          {APPS.filter((app) => app !== "google" || lang.value === "en").map((app) => (
            <li key={app}>
              <a
                href={navigationLink(app, at, name)}
                target="_blank"
                rel="noopener noreferrer"
                onClick={() => tellUnderWay(lot)}
              >
                {t(`go.${app}`)}
              </a>
            </li>
          ))}
          <li>
            <button type="button" onClick={() => void copy(written)}>
              {copied.value === null ? t("go.copy") : t("go.copied", { text: copied.value })}
            </button>
          </li>
        </ul>
        <p class="hint">{t("go.note")}</p>
        <button type="button" class="wide" onClick={() => dialog.current?.close()}>
          {t("lot.close")}
        </button>
      </div>
    </dialog>
  );
}

async function copy(written: string): Promise<void> {
  // Without a secure context there is no clipboard; the text is then shown for copying by hand.
  await navigator.clipboard?.writeText(written).catch(() => undefined);
  copied.value = written;
}
