// The citizens' page: say what is wrong in the street without an account, follow it by receipt, and see the open figures.
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { MATTER_WORDS } from "../dictionary-matters.ts";
import { teach } from "../dictionary.ts";
import { t } from "../i18n.ts";
import { learnCity } from "../officer/city.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Figures } from "./figures.tsx";
import { Follow } from "./follow.tsx";
import { Say } from "./say.tsx";
import { learnKinds } from "./store.ts";

teach(MATTER_WORDS);

const TABS = ["say", "follow", "figures"] as const;
type Tab = (typeof TABS)[number];

/** The receipt in the address, if there is one. */
const named = decodeURIComponent(/^\/report\/([^/]+)/.exec(location.pathname)?.[1] ?? "");
const asked = TABS.find((tab) => location.hash === `#${tab}`);

export const tab = signal<Tab>(named === "" ? (asked ?? "say") : "follow");
export const receipt = signal(named);

function choose(next: Tab): void {
  tab.value = next;
  history.replaceState(null, "", `/report#${next}`);
}

/** Shows where a report stands, under an address that can be kept. */
export function see(which: string): void {
  receipt.value = which;
  tab.value = "follow";
  history.pushState(null, "", `/report/${encodeURIComponent(which)}`);
  scrollTo(0, 0);
}

function Page() {
  useEffect(() => {
    void learnCity();
    void learnKinds().catch(() => undefined);
  }, []);
  return (
    <>
      <Bar title={t("title.report")} />
      <main id="main" class="page report-page">
        <nav class="report-tabs" aria-label={t("title.report")}>
          {TABS.map((name) => (
            <button key={name} type="button" data-tab={name} {...(tab.value === name ? { "aria-current": "page" as const } : {})} onClick={() => choose(name)}>
              {t(`report.tab.${name}`)}
            </button>
          ))}
        </nav>
        {tab.value === "say" && <Say see={see} />}
        {tab.value === "follow" && <Follow receipt={receipt.value} see={see} />}
        {tab.value === "figures" && <Figures />}
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.report"));
render(<Page />, document.getElementById("app") as HTMLElement);
