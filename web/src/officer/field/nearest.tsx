// Where the driver could have parked: the nearest lots with their free places, and how old those counts are.
import { ageWords, secondsSince } from "../../age.ts";
import { shownNowMs } from "../../clock.ts";
import { distanceWords } from "../../geo.ts";
import { lang, t, text } from "../../i18n.ts";
import type { LonLat, VehicleClass } from "../../types.ts";
import type { NearLot } from "./item.ts";
import { nearestLots } from "./where.ts";

/** Free places in words; a count that is not known is not shown as none. */
export function freeWords(lot: NearLot): string {
  if (lot.free === null) return t("field.free_unknown");
  const age = secondsSince(lot.observed_at, shownNowMs());
  return age === null ? t("field.free", { n: lot.free }) : t("field.free_aged", { n: lot.free, age: ageWords(age, lang.value) });
}

export function Nearest({ at, vehicleClass }: { at: LonLat | null; vehicleClass: VehicleClass }) {
  const lots = nearestLots(at, vehicleClass);
  if (lots.length === 0) return null;
  return (
    <section class="card nearest" aria-label={t("field.nearest")}>
      <h2>{t("field.nearest")}</h2>
      <ul>
        {lots.map((lot) => (
          <li key={lot.id} data-near={lot.id}>
            <strong>{text(lot.name)}</strong>
            <span>
              {distanceWords(lot.distance_m)} · {freeWords(lot)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
