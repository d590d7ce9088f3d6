// What partners were told: each message in order with its state, and the log of every try.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt, session } from "../staff.tsx";

interface Deliveries {
  partners: string[];
  messages: { id: string; partner: string; ordinal: number; state: string; tries: number; reason: string | null; created_at: string }[];
  tries: { partner: string; message: string; at: string; outcome: string; detail: string | null }[];
}

export function Links() {
  const [told, setTold] = useState<Deliveries | null>(null);
  const [fault, setFault] = useState("");
  const look = async (): Promise<void> => {
    const got = await attempt(() => ask<Deliveries>("/api/v1/partners?limit=200"));
    if ("done" in got) setTold(got.done);
    else setFault(got.fault);
  };
  useEffect(() => void look(), []);
  const replay = async (id: string): Promise<void> => {
    const got = await attempt(() => ask(`/api/v1/partners/messages/${encodeURIComponent(id)}/replay`, { method: "POST" }));
    setFault("fault" in got ? got.fault : "");
    await look();
  };
  const may = session.value?.role === "supervisor";
  if (told === null) return fault === "" ? null : <p class="fault">{fault}</p>;
  if (told.partners.length === 0) return <p class="empty">{t("links.none")}</p>;
  const at = (instant: string): string => stamp(instant, timeZone.value).slice(5, 19);
  return (
    <section class="two" data-links={told.messages.length}>
      <div class="card">
        {fault !== "" && <p class="fault">{fault}</p>}
        <ul class="lines">
          {told.messages.map((message) => (
            <li key={message.id}>
              <strong>{message.partner}</strong> #{message.ordinal}{" "}
              <span class="tag" data-tone={message.state === "sent" ? "good" : "warn"}>
                {code("links.state", message.state)}
              </span>{" "}
              <span class="hint">
                {at(message.created_at)} · {t("links.tries", { n: message.tries })}
                {message.reason !== null && ` · ${message.reason}`}
              </span>
              {may && message.state === "sent" && (
                <button type="button" class="link" onClick={() => void replay(message.id)}>
                  {t("links.replay")}
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
      <div class="card">
        <h2>{t("links.log")}</h2>
        <ul class="lines">
          {told.tries.map((one, i) => (
            <li key={i} class="hint">
              {at(one.at)} · {one.partner} · {one.outcome}
              {one.detail !== null && ` · ${one.detail}`}
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
