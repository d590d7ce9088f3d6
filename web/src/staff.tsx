// Signing in and out, shared by the officers' and the supervisors' pages.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, Problem } from "./http.ts";
import { STAFF_WORDS } from "./dictionary-staff.ts";
import { teach, WORDS, type Word } from "./dictionary.ts";
import { code, lang, t } from "./i18n.ts";
import type { Role, Session } from "./types.ts";

teach(STAFF_WORDS);

/** The session, null when signed out, undefined while that is being asked. */
export const session = signal<Session | null | undefined>(undefined);

/** True once the session of the one who is on the screen has ended: what was written stays, and the sign-in is asked again. */
export const expired = signal(false);

/** Asked before signing out; a page that would lose something says no. */
export const mayLeave = signal<() => Promise<boolean>>(async () => true);

/** The server no longer knows the session. */
export function sessionEnded(): void {
  if (session.value === null || session.value === undefined) session.value = null;
  else expired.value = true;
}

/** Asks the server who is signed in. */
export async function resume(): Promise<void> {
  session.value = await ask<Session>("/api/v1/session").catch(() => null);
}

/** Runs a request; a session that ended shows the sign-in form, other faults come back as words. */
export async function attempt<T>(work: () => Promise<T>): Promise<{ done: T } | { fault: string }> {
  try {
    return { done: await work() };
  } catch (error) {
    if (error instanceof Problem && error.status === 401) sessionEnded();
    return { fault: faultWords(error) };
  }
}

/** What went wrong, for the eye. */
export function faultWords(error: unknown): string {
  if (!(error instanceof Problem)) return t("fault.network");
  const fields = Object.entries(error.fields).map(([name, why]) => `${name}: ${why}`);
  return [problemWords(error), ...fields].join(" · ");
}

/** The server speaks English; the faults people meet are told in the screen's language, the rest named and quoted. */
function problemWords({ slug, message, detail }: Problem): string {
  const known = `problem.${slug}`;
  if (lang.value === "en" || !(known in WORDS)) return message;
  const words = t(known as Word);
  return QUOTED.has(slug) && detail !== "" ? `${words}（${detail}）` : words;
}

/** Faults whose detail says what is wrong with this very request. */
const QUOTED = new Set(["bad-request", "unprocessable", "conflict", "not-found", "not-a-picture"]);

async function signOut(): Promise<void> {
  if (!(await mayLeave.value())) return;
  await attempt(() => ask("/api/v1/session", { method: "DELETE" }));
  expired.value = false;
  session.value = null;
}

/** Who is signed in, and the way out; stands in the bar. */
export function Who() {
  const now = session.value;
  if (now === null || now === undefined) return null;
  return (
    <>
      <span class="who">
        {now.name} · {code("role", now.role)}
      </span>
      <button type="button" class="bar-button" onClick={() => void signOut()}>
        {t("staff.sign_out")}
      </button>
    </>
  );
}

/** Shows its children to the roles that may see them, else the sign-in form or a plain refusal. */
export function Gate({ roles, children }: { roles: Role[]; children: ComponentChildren }) {
  const now = session.value;
  if (now === undefined) return <p class="empty">{t("staff.checking")}</p>;
  if (now === null) return <SignIn />;
  if (!roles.includes(now.role)) return <p class="empty">{t("staff.not_for_role", { role: code("role", now.role) })}</p>;
  return (
    <>
      {expired.value && <SignInAgain name={now.name} />}
      <div key={now.name} class="signed-in">
        {children}
      </div>
    </>
  );
}

/** Stands above what was written, which waits behind it. */
function SignInAgain({ name }: { name: string }) {
  const [later, setLater] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!later) dialog.current?.showModal();
  }, [later]);
  if (later) {
    return (
      <p class="banner signed-out">
        {t("staff.expired_short")}{" "}
        <button type="button" class="link" onClick={() => setLater(false)}>
          {t("staff.sign_in")}
        </button>
      </p>
    );
  }
  return (
    <dialog ref={dialog} class="sign-in-again" aria-label={t("staff.sign_in")} onClose={() => setLater(true)}>
      <p class="banner">{t("staff.expired")}</p>
      <SignIn name={name} />
      <button type="button" class="button plain" onClick={() => setLater(true)}>
        {t("staff.later")}
      </button>
    </dialog>
  );
}

function SignIn({ name }: { name?: string }) {
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      const json = { name: form.get("name"), password: form.get("password") };
      const { name, role, expires_at } = await ask<Session>("/api/v1/session", { method: "POST", json });
      session.value = { name, role, expires_at };
      expired.value = false;
    } catch (error) {
      setFault(error instanceof Problem && error.status === 401 ? t("staff.wrong") : faultWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="card sign-in" name="sign-in" onSubmit={(event) => void submit(event)}>
      <h2>{t("staff.sign_in")}</h2>
      <label class="field">
        <span>{t("staff.name")}</span>
        <input name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required defaultValue={name} />
      </label>
      <label class="field">
        <span>{t("staff.password")}</span>
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      {fault !== "" && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <button class="button" type="submit" disabled={busy}>
        {t("staff.sign_in")}
      </button>
      <p class="hint">{t("staff.audit_note")}</p>
    </form>
  );
}
