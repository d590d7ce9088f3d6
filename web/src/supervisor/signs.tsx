// How the signs are: how many are well, and each one that is not.
import { useEffect } from "preact/hooks";
import { t, text } from "../i18n.ts";
import { follow, signs } from "../signs/store.ts";
import type { Sign } from "../types.ts";

const ORDER: Record<Sign["health"]["state"], number> = { failing: 0, unreachable: 1, unknown: 2, ok: 3 };
const TONES = { ok: "info", failing: "bad", unreachable: "bad", unknown: "none" } as const;
const MARKS = { ok: "✓", failing: "✕", unreachable: "✕", unknown: "–" } as const;
let following = false;

export function Signs() {
  useEffect(() => {
    if (!following) void follow();
    following = true;
  }, []);
  const well = (signs.value ?? []).filter((sign) => sign.health.state === "ok").length;
  const ill = (signs.value ?? []).filter((sign) => sign.health.state !== "ok").sort((a, b) => ORDER[a.health.state] - ORDER[b.health.state] || a.id.localeCompare(b.id));
  return (
    <section class="card">
      <h2>
        <a href="/signs">{t("super.signs")}</a>
      </h2>
      {signs.value?.length === 0 && <p class="empty">{t("signs.none")}</p>}
      {well > 0 && (
        <p>
          <span class="tag" data-tone="info">
            <span aria-hidden="true">✓</span> {t("super.signs_ok", { n: well })}
          </span>
        </p>
      )}
      <ul class="sign-list">
        {ill.map((sign) => (
          <li key={sign.id}>
            <div>
              <p>{text(sign.name)}</p>
              {sign.health.detail !== null && <p class="hint">{sign.health.detail}</p>}
            </div>
            <span class="tag" data-tone={TONES[sign.health.state]}>
              <span aria-hidden="true">{MARKS[sign.health.state]}</span> {t(`health.${sign.health.state}`)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
