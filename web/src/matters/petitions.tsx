// Statements and requests for review that holders of documents sent online; a statement is answered here, a review by its appeal.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { Evidence } from "../officer/evidence.tsx";
import { timeZone } from "../officer/city.ts";
import { attempt, session } from "../staff.tsx";

interface Petition {
  receipt: string;
  number: string;
  kind: string;
  state: string;
  at: string;
  answer: string | null;
  what: string;
  contact: string | null;
  pictures: string[];
  appeal: string | null;
}

export function Petitions() {
  const [all, setAll] = useState<Petition[] | null>(null);
  const [fault, setFault] = useState("");
  const look = async (): Promise<void> => {
    const got = await attempt(() => ask<{ petitions: Petition[] }>("/api/v1/petitions"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setAll(got.done.petitions);
  };
  useEffect(() => void look(), []);
  return (
    <section class="petitions" data-petitions={all?.length ?? ""}>
      {fault !== "" && <p class="fault">{fault}</p>}
      {all?.length === 0 && <p class="empty">{t("petition.none")}</p>}
      {all?.map((one) => (
        <One key={one.receipt} petition={one} look={look} />
      ))}
    </section>
  );
}

function One({ petition, look }: { petition: Petition; look(): Promise<void> }) {
  const [answer, setAnswer] = useState("");
  const [fault, setFault] = useState("");
  const waits = petition.state === "received" && petition.appeal === null && session.value?.role === "supervisor";
  const send = async (): Promise<void> => {
    const path = `/api/v1/petitions/${encodeURIComponent(petition.receipt)}/answer`;
    const got = await attempt(() => ask(path, { method: "POST", json: { answer } }));
    if ("fault" in got) setFault(got.fault);
    else await look();
  };
  return (
    <article class="card petition" data-petition={petition.receipt}>
      <header>
        <strong>
          {code("petition.kind", petition.kind)} · {petition.number}
        </strong>
        <span class="tag" data-tone={petition.state === "received" || petition.state === "filed" ? "warn" : "good"}>
          {code("petition.state", petition.state)}
        </span>
      </header>
      <p class="hint">
        {petition.receipt} · {stamp(petition.at, timeZone.value).slice(5, 16)}
        {petition.contact !== null && ` · ☎ ${petition.contact}`}
      </p>
      <p class="petition-words">{petition.what}</p>
      {petition.pictures.length > 0 && (
        <div class="matter-pictures">
          {petition.pictures.map((sha256) => (
            <Evidence key={sha256} image={{ sha256, url: `/api/v1/evidence/${sha256}` }} alt={petition.receipt} small />
          ))}
        </div>
      )}
      {petition.answer !== null && (
        <p class="petition-words">
          <strong>{t("petition.answer")}</strong> {petition.answer}
        </p>
      )}
      {waits && (
        <form
          name="answer"
          class="step-form"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <label class="field">
            <span>{t("petition.answer")}</span>
            <textarea name="answer" required rows={2} maxLength={2000} value={answer} onInput={(event) => setAnswer(event.currentTarget.value)} />
          </label>
          {fault !== "" && <p class="fault">{fault}</p>}
          <button type="submit" class="button">
            {t("petition.send")}
          </button>
        </form>
      )}
    </article>
  );
}
