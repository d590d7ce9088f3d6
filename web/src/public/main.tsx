// The public page: the list is live first, the map comes after it.
import { render } from "preact";
import { ageWords } from "../age.ts";
import { tick } from "../clock.ts";
import { keepOffline } from "../offline.ts";
import { lang, t, text } from "../i18n.ts";
import { Bar, keepTitle, Pill } from "../shell.tsx";
import { List } from "./list.tsx";
import { MapPanel } from "./map-panel.tsx";
import { Navigate } from "./navigate.tsx";
import { Sheet, sheet } from "./sheet.tsx";
import { city, connection, heardAtMs, start } from "./store.ts";
import { Toolbar } from "./toolbar.tsx";

function title(): string {
  return t("title.map", { city: text(city.value?.name) || (lang.value === "zh" ? "云和" : "Yunhe") });
}

const LOST_AFTER_S = 5;

/** In steps, so that a screen reader is not told every second. */
function inSteps(seconds: number): number {
  const stride = seconds < 30 ? 5 : 10;
  return Math.floor(seconds / stride) * stride;
}

function LostBanner() {
  const heard = heardAtMs.value;
  const silent = heard === null ? 0 : (tick.value - heard) / 1000;
  if (connection.value === "live" || heard === null || silent < LOST_AFTER_S) return null;
  return (
    <p class="banner" role="status">
      {t("banner.stale", { age: ageWords(inSteps(silent), lang.value) })}
    </p>
  );
}

function Page() {
  return (
    <>
      <Bar title={title()}>
        <Pill state={connection.value} heardAtMs={heardAtMs.value} />
      </Bar>
      <main id="main" class="public" data-sheet={sheet.value}>
        <MapPanel />
        <Sheet>
          <LostBanner />
          <Toolbar />
          <List />
        </Sheet>
      </main>
      <Navigate />
    </>
  );
}

keepTitle(title);
render(<Page />, document.getElementById("app") as HTMLElement);
start();
keepOffline();
