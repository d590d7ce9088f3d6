// The desk of city management: matters by their clocks, the map, scores, patrols, the grid, and what partners were told.
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { MATTER_WORDS } from "../dictionary-matters.ts";
import { teach } from "../dictionary.ts";
import { t } from "../i18n.ts";
import { learnCity } from "../officer/city.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Gate, resume, session, Who } from "../staff.tsx";
import { Coverage } from "./coverage.tsx";
import { Desk } from "./desk.tsx";
import { Links } from "./links.tsx";
import { MatterMap } from "./map.tsx";
import { Patrols } from "./patrols.tsx";
import { Petitions } from "./petitions.tsx";
import { Scores } from "./scores.tsx";
import { kit, learnKit, renew } from "./store.ts";

teach(MATTER_WORDS);

const TABS = ["desk", "map", "scores", "patrol", "grid", "links", "petitions"] as const;
type Tab = (typeof TABS)[number];
const EVERY_MS = 15_000;

const tab = signal<Tab>(TABS.find((name) => location.hash.split("/")[0] === `#${name}`) ?? "desk");

/** Tabs for those who judge: scores and partners are theirs. */
function isOffered(name: Tab): boolean {
  const role = session.value?.role;
  return role === "supervisor" || role === "auditor" || !["scores", "links", "petitions"].includes(name);
}

function choose(name: Tab): void {
  tab.value = name;
  history.replaceState(null, "", `#${name}`);
}

function Hall() {
  useEffect(() => {
    void learnCity();
    void learnKit();
    void renew();
    const again = setInterval(() => document.visibilityState === "visible" && void renew(), EVERY_MS);
    return () => clearInterval(again);
  }, [session.value?.name]);
  const command = kit.value?.command;
  return (
    <>
      <div class="hall-bar">
        <nav class="tabs" aria-label={t("title.matters")}>
          {TABS.filter(isOffered).map((name) => (
            <button key={name} type="button" data-tab={name} {...(tab.value === name ? { "aria-current": "page" as const } : {})} onClick={() => choose(name)}>
              {t(`matters.tab.${name}`)}
            </button>
          ))}
        </nav>
        {kit.value !== null && (
          <span class="tag" data-tone="info" data-command={command ?? "none"}>
            {command === "county" ? t("matters.command.county") : command === null || command === undefined ? t("matters.command.none") : t("matters.command.town", { town: command })}
          </span>
        )}
      </div>
      {tab.value === "desk" && <Desk />}
      {tab.value === "map" && <MatterMap choose={() => choose("desk")} />}
      {tab.value === "scores" && <Scores />}
      {tab.value === "patrol" && <Patrols />}
      {tab.value === "grid" && <Coverage />}
      {tab.value === "links" && <Links />}
      {tab.value === "petitions" && <Petitions />}
    </>
  );
}

function Page() {
  return (
    <>
      <Bar title={t("title.matters")}>
        <Who />
      </Bar>
      <main id="main" class="page matters-page">
        <Gate roles={["officer", "supervisor", "operator", "auditor"]}>
          <Hall />
        </Gate>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.matters"));
render(<Page />, document.getElementById("app") as HTMLElement);
void resume();
