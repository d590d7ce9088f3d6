// Asks before signing out while something on the phone has not reached the server.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../i18n.ts";
import { session } from "../../staff.tsx";
import { draft, isBegun } from "./draft.ts";
import { items } from "./queue.ts";

const asking = signal<{ n: number; begun: boolean; answer(leave: boolean): void } | null>(null);

/** True if the officer may go, or wants to go all the same. */
export function mayGo(): Promise<boolean> {
  const me = session.value?.name;
  const n = items.value.filter((item) => item.owner === me && item.state !== "done").length;
  const begun = draft.value !== null && isBegun(draft.value);
  if (n === 0 && !begun) return Promise.resolve(true);
  return new Promise((done) => {
    asking.value = {
      n,
      begun,
      answer: (leave) => {
        asking.value = null;
        done(leave);
      },
    };
  });
}

export function LeaveDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const now = asking.value;
  useEffect(() => {
    if (now !== null) dialog.current?.showModal();
  }, [now]);
  if (now === null) return null;
  return (
    <dialog ref={dialog} class="leave" aria-label={t("staff.sign_out")} onClose={() => now.answer(false)}>
      {now.n > 0 && <p class="banner">{t("field.leave", { n: now.n })}</p>}
      {now.begun && <p class="banner">{t("field.leave_draft")}</p>}
      <div class="slip-acts">
        <button type="button" class="button" data-stay onClick={() => now.answer(false)}>
          {t("field.stay")}
        </button>
        <button type="button" class="button danger" data-leave onClick={() => now.answer(true)}>
          {t("field.leave_anyway")}
        </button>
      </div>
    </dialog>
  );
}
