// Seizures that wait for a supervisor; approving asks once more, for it takes a vehicle from somebody.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask, askAll, newKey } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { reasonWords } from "../officer/wording.ts";
import { showPlate } from "../plate.ts";
import { attempt, session } from "../staff.tsx";
import type { LedgerRecord } from "../types.ts";

/** Why what was taken at once is approved; the ledger's language. */
const AFTER = "补办批准";

export function Approvals({ changed }: { changed(): void }) {
  const [waiting, setWaiting] = useState<LedgerRecord[] | null>(null);
  const [fault, setFault] = useState("");
  const [refused, setRefused] = useState("");
  const look = async (): Promise<void> => {
    const got = await attempt(() => askAll<LedgerRecord, "records">("/api/v1/records?kind=seizure", "records"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setWaiting(got.done.items.filter((record) => record.state === "proposed" || record.state === "unapproved"));
  };
  useEffect(() => {
    void look();
    const again = setInterval(() => void look(), 15_000);
    return () => clearInterval(again);
  }, []);
  const approve = async ({ id, state }: LedgerRecord): Promise<void> => {
    const path = encodeURIComponent(id);
    // What was taken at once is approved afterwards, by a step of its course.
    const step = { step: "approve_after", why: AFTER };
    const got = await attempt(() =>
      state === "unapproved"
        ? ask(`/api/v1/records/${path}/steps`, { method: "POST", json: step, key: newKey() })
        : ask(`/api/v1/seizures/${path}/approve`, { method: "POST", json: {} }),
    );
    setRefused("fault" in got ? got.fault : "");
    await look();
    changed();
  };
  return (
    <section class="card approvals">
      <h2>{t("super.approvals")}</h2>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {refused !== "" && (
        <p class="fault" role="alert">
          {refused}
        </p>
      )}
      {waiting?.length === 0 && <p class="empty">{t("super.no_approvals")}</p>}
      <ul>
        {waiting?.map((record) => (
          <Waiting key={record.id} record={record} approve={() => approve(record)} />
        ))}
      </ul>
    </section>
  );
}

function Waiting({ record, approve }: { record: LedgerRecord; approve(): Promise<void> }) {
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState(false);
  const go = async (): Promise<void> => {
    setBusy(true);
    await approve();
    setBusy(false);
  };
  return (
    <li class="waiting" data-seizure={record.id}>
      <p>
        <strong class="plate">{record.plate === null ? t("records.no_plate") : showPlate(record.plate)}</strong>{" "}
        {record.state === "unapproved" && (
          <span class="tag" data-tone="warn">
            ! {code("state", record.state)}
          </span>
        )}{" "}
        {record.act !== null && record.act !== undefined && <span class="tag" data-tone="bad">{code("act", record.act)}</span>}
      </p>
      <p>{reasonWords(record.reason)}</p>
      {record.legal_basis !== null && record.legal_basis !== undefined && <p class="hint">{record.legal_basis}</p>}
      <p class="hint">
        {stamp(record.at, timeZone.value)} · {record.officer} · {record.number}
      </p>
      <Evidence record={record} />
      <div class="waiting-buttons">
        {record.officer === session.value?.name ? (
          <p class="hint">{t("problem.approved-by-proposer")}</p>
        ) : sure ? (
          <>
            <span>{t("super.approve_sure", { number: record.number })}</span>
            <button type="button" class="button" disabled={busy} onClick={() => void go()}>
              {t("super.approve")}
            </button>
            <button type="button" class="button plain" onClick={() => setSure(false)}>
              {t("super.cancel")}
            </button>
          </>
        ) : (
          <button type="button" class="button plain" data-approve onClick={() => setSure(true)}>
            {t("super.approve")}
          </button>
        )}
      </div>
    </li>
  );
}

function Evidence({ record }: { record: LedgerRecord }) {
  if (record.evidence.length === 0) return null;
  return (
    <p class="hint">
      {record.evidence.map((image, i) => (
        <a key={image.sha256} href={image.url} target="_blank" rel="noopener">
          {t("street.photo_n", { n: i + 1 })}{" "}
        </a>
      ))}
    </p>
  );
}
