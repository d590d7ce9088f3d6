// The officers' page: review what cameras propose, record in the street, look up a plate, today's records.
import { signal } from "@preact/signals";
import { render } from "preact";
import { t } from "../i18n.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Gate, resume, Who } from "../staff.tsx";
import { Plates } from "./plates.tsx";
import { Records } from "./records.tsx";
import { Review } from "./review.tsx";
import { Street } from "./street.tsx";

const TABS = ["review", "street", "plates", "records"] as const;
type Tab = (typeof TABS)[number];

function firstTab(): Tab {
  const asked = TABS.find((name) => location.hash === `#${name}`);
  return asked ?? (matchMedia("(max-width: 799px)").matches ? "street" : "review");
}

const tab = signal<Tab>(firstTab());

function choose(name: Tab): void {
  tab.value = name;
  history.replaceState(null, "", `#${name}`);
}

function Desk() {
  return (
    <>
      <nav class="tabs" aria-label={t("tab.label")}>
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            data-tab={name}
            {...(tab.value === name ? { "aria-current": "page" as const } : {})}
            onClick={() => choose(name)}
          >
            {t(`tab.${name}`)}
          </button>
        ))}
      </nav>
      {tab.value === "review" && <Review />}
      {tab.value === "street" && <Street />}
      {tab.value === "plates" && <Plates />}
      {tab.value === "records" && <Records />}
    </>
  );
}

function Page() {
  return (
    <>
      <Bar title={t("title.officer")}>
        <Who />
      </Bar>
      <main id="main" class="page">
        <Gate roles={["officer", "supervisor"]}>
          <Desk />
        </Gate>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.officer"));
render(<Page />, document.getElementById("app") as HTMLElement);
void resume();
