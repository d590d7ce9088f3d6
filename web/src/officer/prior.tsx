// What a plate has on record already, in a few words.
import { t } from "../i18n.ts";
import type { Prior } from "../types.ts";

const KINDS = ["warnings", "penalties", "corrections", "seizures"] as const;

export function PriorWords({ prior }: { prior: Prior }) {
  const some = KINDS.filter((kind) => prior[kind] > 0);
  if (some.length === 0) return <span>{t("prior.none")}</span>;
  return (
    <span class="prior">
      {some.map((kind) => (
        <span key={kind} class="tag" data-tone={kind === "corrections" ? "none" : "warn"}>
          {t(`prior.${kind}`, { n: prior[kind] })}
        </span>
      ))}
    </span>
  );
}
