// Every sign as it shows now, drawn from what the sign has confirmed.
import { effect } from "@preact/signals";
import { render } from "preact";
import { ageWords } from "../age.ts";
import { tick } from "../clock.ts";
import { lang, t } from "../i18n.ts";
import { Bar, Footer, keepTitle, Pill } from "../shell.tsx";
import { choose, SignMap } from "./map.tsx";
import { SignCard } from "./sign.tsx";
import { chosen, connection, follow, heardAtMs, signs } from "./store.ts";

function Summary() {
  const all = signs.value ?? [];
  const ill = all.filter((sign) => sign.health.state === "failing" || sign.health.state === "unreachable").length;
  const ok = all.filter((sign) => sign.health.state === "ok").length;
  return (
    <div class="signs-head">
      <h2>{t("signs.heading")}</h2>
      <p class="hint">{t("signs.note")}</p>
      {all.length > 0 && (
        <p class="chips">
          <span class="tag">{t("signs.count", { n: all.length })}</span>
          <span class="tag" data-tone="info">
            ✓ {t("signs.ok", { n: ok })}
          </span>
          {ill > 0 && (
            <span class="tag" data-tone="bad">
              ✕ {t("signs.ill", { n: ill })}
            </span>
          )}
        </p>
      )}
    </div>
  );
}

function Lost() {
  const heard = heardAtMs.value;
  if (connection.value === "live" || heard === null) return null;
  const age = ageWords(Math.floor((tick.value - heard) / 10_000) * 10, lang.value);
  return (
    <p class="banner" role="status">
      {t("signs.lost", { age })}
    </p>
  );
}

function Page() {
  const all = signs.value;
  return (
    <>
      <Bar title={t("title.signs")}>
        <Pill state={connection.value} heardAtMs={heardAtMs.value} />
      </Bar>
      <main id="main" class="page signs-page">
        <Summary />
        <Lost />
        <SignMap />
        {all === null && <p class="empty">{t("list.loading")}</p>}
        {all?.length === 0 && <p class="empty">{t("signs.none")}</p>}
        <ul class="signs">
          {all?.map((sign) => (
            <SignCard key={sign.id} sign={sign} />
          ))}
        </ul>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.signs"));
render(<Page />, document.getElementById("app") as HTMLElement);
void follow();
// A link to a sign opens the page at its card, once it is there.
const stop = effect(() => {
  const id = chosen.peek();
  if (signs.value === null) return;
  if (id !== null) requestAnimationFrame(() => choose(id));
  queueMicrotask(() => stop());
});
