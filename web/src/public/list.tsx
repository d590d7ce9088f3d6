// The list of lots: the accessible view, live before the map is there.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n.ts";
import { Footer } from "../shell.tsx";
import { LotCard } from "./card.tsx";
import { NO_WISHES } from "./choose.ts";
import { city, failed, listed, lotSignal, roster, wishes } from "./store.ts";

const PAGE = 40;
/** As many as a phone shows at first; the rest of the page comes when these have been painted. */
const AT_FIRST = 8;
const shown = signal(AT_FIRST);

export function List() {
  const isThere = roster.value.length > 0;
  useEffect(() => {
    if (!isThere || shown.peek() >= PAGE) return;
    // A task of its own after the next frame.
    const frame = requestAnimationFrame(() => setTimeout(() => (shown.value = Math.max(shown.peek(), PAGE))));
    return () => cancelAnimationFrame(frame);
  }, [isThere]);
  if (!isThere) {
    return (
      <p class="empty" role="status">
        {t(failed.value ? "list.failed" : "list.loading")}
      </p>
    );
  }
  const ids = listed.value;
  const rest = ids.length - shown.value;
  return (
    <>
      {ids.length === 0 && (
        <p class="empty">
          {t("list.none")}{" "}
          <button type="button" class="link" onClick={() => (wishes.value = NO_WISHES)}>
            {t("list.clear")}
          </button>
        </p>
      )}
      <ul class="lots">
        {ids.slice(0, shown.value).map((id) => {
          const lot = lotSignal(id);
          return lot === undefined ? null : <LotCard key={id} lot={lot} />;
        })}
      </ul>
      {rest > 0 && shown.value >= PAGE && (
        <button type="button" class="more" onClick={() => (shown.value += PAGE)}>
          {t("list.more", { n: Math.min(rest, PAGE) })}
        </button>
      )}
      <Footer fictional={city.value?.fictional ?? false} />
    </>
  );
}
