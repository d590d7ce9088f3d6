// The operators' page: sensors, ill ones first, each with what is wrong and what to do; gateways, counters, what comes in.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n.ts";
import { learnCity } from "../officer/city.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import { Gate, resume, Who } from "../staff.tsx";
import { LotActs, SignActs } from "./acts.tsx";
import { Counters, Gateways } from "./beside.tsx";
import { CityFile } from "./city.tsx";
import { fault, follow, list } from "./store.ts";
import { Sensors } from "./sensors.tsx";
import { Signs } from "./signs.tsx";
import { Tiles } from "./tiles.tsx";

function Overview() {
  useEffect(() => {
    void learnCity();
    return follow();
  }, []);
  return (
    <>
      {fault.value !== "" && (
        <p class="fault" role="alert">
          {fault.value}
        </p>
      )}
      {list.value !== null && (
        <div class="overview" data-sensors={list.value.totals.sensors}>
          <Tiles />
          <div class="operator-columns">
            <Sensors />
            <div class="column">
              <Signs />
              <LotActs />
              <SignActs />
              <CityFile />
              <Gateways />
              <Counters />
            </div>
          </div>
        </div>
      )}
    </>
  );
}

function Page() {
  return (
    <>
      <Bar title={t("title.operator")}>
        <Who />
      </Bar>
      <main id="main" class="page">
        <Gate roles={["operator", "supervisor", "admin"]}>
          <Overview />
        </Gate>
      </main>
      <Footer fictional={false} />
    </>
  );
}

keepTitle(() => t("title.operator"));
render(<Page />, document.getElementById("app") as HTMLElement);
void resume();
