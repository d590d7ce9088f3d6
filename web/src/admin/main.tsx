// The administrators' page: accounts, permits, what holds at run time, documents; every change with who, when, before, after and why.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ADMIN_WORDS } from "../dictionary-admin.ts";
import { teach } from "../dictionary.ts";
import { t } from "../i18n.ts";
import { learnCity } from "../officer/city.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Gate, resume, Who } from "../staff.tsx";
import { Forms } from "./forms.tsx";
import { History } from "./history.tsx";
import { Permits } from "./permits.tsx";
import { Settings } from "./settings.tsx";
import { Users } from "./users.tsx";

teach(ADMIN_WORDS);

const TABS = ["users", "permits", "policies", "calendar", "retention", "documents", "history"] as const;
type Tab = (typeof TABS)[number];

function tabOf(hash: string): Tab {
  return TABS.find((tab) => `#${tab}` === hash) ?? "users";
}

function Desk() {
  const [tab, setTab] = useState<Tab>(tabOf(location.hash));
  useEffect(() => {
    void learnCity();
    const follow = (): void => setTab(tabOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  // On a phone the tabs are wider than the screen.
  useEffect(() => document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [tab]);
  return (
    <div class="desk">
      <nav class="tabs" aria-label={t("admin.tabs")}>
        {TABS.map((one) => (
          <a key={one} href={`#${one}`} data-tab={one} {...(tab === one ? { "aria-current": "page" as const } : {})}>
            {t(`admin.tab.${one}`)}
          </a>
        ))}
      </nav>
      <div class="desk-main" data-shown={tab}>
        {tab === "users" && <Users />}
        {tab === "permits" && <Permits />}
        {tab === "policies" && <Settings names={["dwell", "first_offence", "fines", "look_ups"]} lead={t("admin.policies_lead")} />}
        {tab === "calendar" && <Settings names={["calendar"]} lead={t("admin.calendar_lead")} />}
        {tab === "retention" && <Settings names={["retention"]} lead={t("admin.retention_lead")} />}
        {tab === "documents" && <Forms />}
        {tab === "history" && <History />}
      </div>
    </div>
  );
}

function Page() {
  return (
    <>
      <Bar title={t("title.admin")}>
        <Who />
      </Bar>
      <main id="main" class="page">
        <Gate roles={["admin"]}>
          <Desk />
        </Gate>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.admin"));
render(<Page />, document.getElementById("app") as HTMLElement);
void resume();
