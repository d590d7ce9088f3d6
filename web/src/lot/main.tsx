// The page of one lot: what is free now and how old that is, how the day goes, each bay, and how to get there.
import { render } from "preact";
import { ageWords } from "../age.ts";
import { tick } from "../clock.ts";
import { code, lang, t, text } from "../i18n.ts";
import { keepOffline } from "../offline.ts";
import { Age, Facts, percent, SYMBOL, TrendMark } from "../public/card.tsx";
import { Navigate, navigateTo } from "../public/navigate.tsx";
import { share, Shared } from "../public/share.tsx";
import { marks, toggleMark } from "../public/store.ts";
import { Bar, Footer, keepTitle, Pill } from "../shell.tsx";
import type { Lot } from "../types.ts";
import { Day } from "./day.tsx";
import { Plan } from "./plan.tsx";
import { city, connection, forecasts, heardAtMs, id, lot, missing, start } from "./store.ts";

const LOST_AFTER_S = 5;

function title(): string {
  return lot.value === null ? t("title.map", { city: text(city.value?.name) }) : text(lot.value.name);
}

function Lost() {
  const heard = heardAtMs.value;
  const silent = heard === null ? 0 : (tick.value - heard) / 1000;
  if (connection.value === "live" || heard === null || silent < LOST_AFTER_S) return null;
  return (
    <p class="banner" role="status">
      {t("banner.stale", { age: ageWords(Math.floor(silent / 10) * 10, lang.value) })}
    </p>
  );
}

function Head({ here }: { here: Lot }) {
  const name = text(here.name);
  const numbered = here.level === "free" || here.level === "few" || here.level === "full";
  const marked = marks.value.has(here.id);
  return (
    <section class="card lot lot-now" aria-label={name} data-lot={here.id} data-free={here.free} data-level={here.level} data-quality={here.quality}>
      <div class="now-row">
        <p class="now-free">
          <strong>{numbered ? here.free : "–"}</strong>
          <span>
            {t("lot.free_of", { capacity: here.capacity })} <TrendMark lot={here} />
          </span>
        </p>
        <div class="now-words">
          <p>
            <span class="level" data-level={here.level}>
              <span aria-hidden="true">{SYMBOL[here.level]}</span> {t(`level.${here.level}`)}
            </span>
          </p>
          <Age lot={here} />
        </div>
      </div>
      <p class="lot-facts">
        <span>{t(`kind.${here.kind}`)}</span>
        {here.vehicle_class === "non_motor" && <span>{t("vehicle.non_motor")}</span>}
        <Facts lot={here} uses={(here.groups ?? []).length === 0} />
      </p>
      <Groups here={here} />
      <div class="now-acts">
        <button type="button" class="go" onClick={() => navigateTo(here)}>
          {t("lot.navigate")}
        </button>
        <button type="button" class="button plain" aria-pressed={marked} aria-label={t("lot.mark", { name })} onClick={() => toggleMark(here.id)}>
          <span aria-hidden="true">{marked ? "★" : "☆"}</span> {t("lot.mark_short")}
        </button>
        <button type="button" class="button plain" onClick={() => void share(here.id, name)}>
          {t("lot.share_short")}
        </button>
        <a class="button plain" href={`/?lot=${encodeURIComponent(here.id)}`}>
          {t("lot.map_short")}
        </a>
        <a class="button plain" href={`/lots/${encodeURIComponent(here.id)}/poster`}>
          {t("lot.poster")}
        </a>
      </div>
      <Shared lot={here.id} />
    </section>
  );
}

/** What is free of each special use, and of each class of vehicle. */
function Groups({ here }: { here: Lot }) {
  const groups = (here.groups ?? []).filter((group) => group.capacity > 0);
  if (groups.length === 0) return null;
  return (
    <ul class="groups">
      {groups.map((group) => (
        <li key={`${group.class}/${group.use}`}>
          {group.use === null ? t(`vehicle.${group.class ?? "motor"}`) : code("use", group.use)}
          <strong>{group.free}</strong>/{group.capacity}
        </li>
      ))}
    </ul>
  );
}

function Expected() {
  const told = forecasts.value;
  if (told.length === 0) return null;
  return (
    <section class="card" aria-labelledby="ahead-heading">
      <h2 id="ahead-heading">{t("lot.ahead")}</h2>
      <ul class="ahead">
        {told.map((one) => {
          const minutes = Math.max(1, Math.round((Date.parse(one.at) - Date.parse(one.made_at)) / 60_000));
          return (
            <li key={one.at}>
              <span class="ahead-when">{t("lot.ahead_in", { n: minutes })}</span>
              {one.method === "closed" ? (
                <strong>{t("level.closed")}</strong>
              ) : (
                <>
                  <strong>{t("lot.ahead_free", { n: one.free })}</strong>
                  <span class="ahead-band">{t("lot.ahead_band", { low: one.low, high: one.high })}</span>
                  <span class="ahead-chance">{t("lot.ahead_chance", { n: percent(one.chance) })}</span>
                </>
              )}
            </li>
          );
        })}
      </ul>
      <p class="hint">{t("lot.ahead_note")}</p>
    </section>
  );
}

function Entrances({ here }: { here: Lot }) {
  if (here.entrances.length === 0) return null;
  return (
    <section class="card" aria-labelledby="entrances-heading">
      <h2 id="entrances-heading">{t("lot.entrances")}</h2>
      <ul class="entrances">
        {here.entrances.map((at, place) => (
          <li key={at.join()}>
            <span>
              {t("lot.entrance", { n: place + 1 })} <small>{`${at[1].toFixed(5)}, ${at[0].toFixed(5)}`}</small>
            </span>
            <button type="button" class="button plain" aria-label={t("lot.entrance_go", { n: place + 1 })} onClick={() => navigateTo(here, place)}>
              {t("lot.navigate")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Page() {
  const here = lot.value;
  return (
    <>
      <Bar title={title()}>
        <Pill state={connection.value} heardAtMs={heardAtMs.value} />
      </Bar>
      <main id="main" class="page lot-page">
        <Lost />
        {missing.value && (
          <p class="empty">
            {t("lot.missing", { id })} <a href="/">{t("nav.map")}</a>
          </p>
        )}
        {here === null && !missing.value && <p class="empty">{t("list.loading")}</p>}
        {here !== null && (
          <>
            <div class="lot-side">
              <Head here={here} />
              <Expected />
              <Entrances here={here} />
            </div>
            <div class="lot-main">
              <Day />
              <Plan />
            </div>
          </>
        )}
      </main>
      <Navigate />
      <Footer fictional={city.value?.fictional ?? false} />
    </>
  );
}

keepTitle(title);
render(<Page />, document.getElementById("app") as HTMLElement);
void start();
keepOffline();
