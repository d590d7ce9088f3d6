// The officers' page: review what cameras propose, record in the street, look up a plate, today's records.
import { signal } from "@preact/signals";
import { render } from "preact";
import { MATTER_WORDS } from "../dictionary-matters.ts";
import { teach } from "../dictionary.ts";
import { t } from "../i18n.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Gate, mayLeave, resume, session, Who } from "../staff.tsx";
import { keepOffline } from "../offline.ts";
import { Plates } from "./plates.tsx";
import { Records } from "./records.tsx";
import { Review } from "./review/desk.tsx";
import { Field } from "./field/home.tsx";
import { LeaveDialog, mayGo } from "./field/leaving.tsx";
import { recallKit } from "./field/kit.ts";
import { FieldMatters } from "./field/matters.tsx";
import { load } from "./field/queue.ts";
import { begin, endShift, resumeShift } from "./field/shift.ts";
import { SlipDialog } from "./field/slip.tsx";
import { canKeep } from "./field/vault.ts";

teach(MATTER_WORDS);

const TABS = ["review", "street", "matters", "plates", "records"] as const;
type Tab = (typeof TABS)[number];

function firstTab(): Tab {
  const asked = TABS.find((name) => location.hash.split("/")[0] === `#${name}`);
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
      {tab.value === "street" && <Field />}
      {tab.value === "matters" && <FieldMatters />}
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
      <SlipDialog />
      <LeaveDialog />
    </>
  );
}

keepTitle(() => t("title.officer"));
render(<Page />, document.getElementById("app") as HTMLElement);
keepOffline();

/** What the phone kept comes first, so that the page works before, or without, an answer of the server. */
async function start(): Promise<void> {
  if (!canKeep()) return resume();
  mayLeave.value = mayGo;
  await Promise.all([load(), recallKit()]).catch(() => undefined);
  await resumeShift();
  let name = session.value?.name ?? null;
  session.subscribe((now) => {
    if (now !== null && now !== undefined && now.name !== name) void begin(now);
    if (now === null && name !== null) void endShift();
    name = now?.name ?? null;
  });
}

void start();
