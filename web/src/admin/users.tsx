// Accounts: who may sign in as what, added, changed, disabled; each with its history.
import { useEffect, useState } from "preact/hooks";
import { stamp } from "../age.ts";
import { ask } from "../http.ts";
import { code, t } from "../i18n.ts";
import { timeZone } from "../officer/city.ts";
import { attempt, session } from "../staff.tsx";
import type { Role } from "../types.ts";
import { Field, Reason, Told, useSending } from "./form.tsx";
import { Changes } from "./history.tsx";
import type { User } from "./types.ts";

const ROLES: Role[] = ["officer", "supervisor", "operator", "auditor", "admin"];

export function Users() {
  const [users, setUsers] = useState<User[] | null>(null);
  const [fault, setFault] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  const [wanted, setWanted] = useState("");
  const learn = async (): Promise<void> => {
    const got = await attempt(() => ask<{ users: User[] }>("/api/v1/admin/users"));
    setFault("fault" in got ? got.fault : "");
    if ("done" in got) setUsers(got.done.users);
  };
  useEffect(() => void learn(), []);
  const asked = wanted.trim().toLowerCase();
  const shown = (users ?? []).filter(({ name, unit }) => `${name} ${unit ?? ""}`.toLowerCase().includes(asked));
  return (
    <div class="two">
      <section class="card" aria-labelledby="users-heading" data-users={users?.length ?? ""}>
        <div class="card-head">
          <h2 id="users-heading">{t("admin.tab.users")}</h2>
          <input type="search" name="find-user" class="find" placeholder={t("admin.find")} aria-label={t("admin.find")} value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </div>
        {fault !== "" && <p class="fault">{fault}</p>}
        <ul class="rows">
          {shown.map((user) => (
            <li key={user.name} data-user={user.name} data-disabled={user.disabled_at !== null}>
              <div class="row-head">
                <span class="initial" aria-hidden="true">
                  {[...user.name][0]?.toUpperCase()}
                </span>
                <div class="row-words">
                  <p>
                    <b>{user.name}</b> <span class="tag">{code("role", user.role)}</span>{" "}
                    {user.disabled_at !== null && (
                      <span class="tag" data-tone="bad">
                        ✕ {t("admin.disabled")}
                      </span>
                    )}
                    {user.second_factor && (
                      <span class="tag" data-tone="info">
                        {t("admin.second_factor")}
                      </span>
                    )}
                  </p>
                  <p class="hint">
                    {user.unit ?? t("admin.no_unit")} · {t("admin.since", { at: stamp(user.created_at, timeZone.value).slice(0, 10) })}
                  </p>
                </div>
                <button type="button" class="button plain" aria-expanded={open === user.name} onClick={() => setOpen(open === user.name ? null : user.name)}>
                  {open === user.name ? t("lot.close") : t("admin.change")}
                </button>
              </div>
              {open === user.name && <ChangeUser user={user} changed={() => void learn()} />}
            </li>
          ))}
        </ul>
      </section>
      <AddUser added={() => void learn()} />
    </div>
  );
}

function RoleChoice({ value, set }: { value: Role; set: (role: Role) => void }) {
  return (
    <select name="role" value={value} onChange={(event) => set(event.currentTarget.value as Role)}>
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {code("role", role)}
        </option>
      ))}
    </select>
  );
}

function AddUser({ added }: { added: () => void }) {
  const empty = { name: "", role: "officer" as Role, unit: "", password: "", reason: "" };
  const [now, setNow] = useState(empty);
  const sending = useSending();
  const { wrong } = sending;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if ((await sending.send("/api/v1/admin/users", now, t("admin.user_added", { name: now.name }))) === null) return;
    setNow(empty);
    added();
  };
  return (
    <form class="card stack" name="add-user" onSubmit={(event) => void submit(event)} noValidate>
      <h2>{t("admin.add_user")}</h2>
      <Field name="name" label={t("staff.name")} wrong={wrong}>
        <input name="name" autocomplete="off" autocapitalize="none" spellcheck={false} value={now.name} aria-invalid={wrong.name !== undefined} onInput={(event) => setNow({ ...now, name: event.currentTarget.value })} />
      </Field>
      <Field name="role" label={t("admin.role")} wrong={wrong}>
        <RoleChoice value={now.role} set={(role) => setNow({ ...now, role })} />
      </Field>
      <Field name="unit" label={t("admin.unit")} hint={t("admin.optional")} wrong={wrong}>
        <input name="unit" value={now.unit} aria-invalid={wrong.unit !== undefined} onInput={(event) => setNow({ ...now, unit: event.currentTarget.value })} />
      </Field>
      <Field name="password" label={t("admin.first_password")} wrong={wrong}>
        <input name="password" type="password" autocomplete="new-password" value={now.password} aria-invalid={wrong.password !== undefined} onInput={(event) => setNow({ ...now, password: event.currentTarget.value })} />
      </Field>
      <Reason value={now.reason} set={(reason) => setNow({ ...now, reason })} wrong={wrong} />
      <Told sending={sending} />
      <button class="button" type="submit" disabled={sending.busy}>
        {t("admin.add_user")}
      </button>
    </form>
  );
}

function ChangeUser({ user, changed }: { user: User; changed: () => void }) {
  const start = { role: user.role, unit: user.unit ?? "", password: "", disabled: user.disabled_at !== null, reason: "" };
  const [now, setNow] = useState(start);
  const [times, setTimes] = useState(0);
  const sending = useSending();
  const { wrong } = sending;
  const isSelf = session.value?.name === user.name;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const json = {
      reason: now.reason,
      ...(now.role === user.role ? {} : { role: now.role }),
      ...(now.unit === (user.unit ?? "") ? {} : { unit: now.unit }),
      ...(now.password === "" ? {} : { password: now.password }),
      ...(now.disabled === (user.disabled_at !== null) ? {} : { disabled: now.disabled }),
    };
    if ((await sending.send(`/api/v1/admin/users/${encodeURIComponent(user.name)}`, json, t("admin.saved"))) === null) return;
    setNow({ ...now, password: "", reason: "" });
    setTimes(times + 1);
    changed();
  };
  return (
    <div class="unfolded">
      <form class="stack" name="change-user" onSubmit={(event) => void submit(event)} noValidate>
        <div class="pair">
          <Field name="role" label={t("admin.role")} wrong={wrong}>
            <RoleChoice value={now.role} set={(role) => setNow({ ...now, role })} />
          </Field>
          <Field name="unit" label={t("admin.unit")} wrong={wrong}>
            <input name="unit" value={now.unit} aria-invalid={wrong.unit !== undefined} onInput={(event) => setNow({ ...now, unit: event.currentTarget.value })} />
          </Field>
        </div>
        <Field name="password" label={t("admin.new_password")} hint={t("admin.leave_empty")} wrong={wrong}>
          <input name="password" type="password" autocomplete="new-password" value={now.password} aria-invalid={wrong.password !== undefined} onInput={(event) => setNow({ ...now, password: event.currentTarget.value })} />
        </Field>
        <label class="tick">
          <input type="checkbox" name="disabled" checked={now.disabled} onChange={(event) => setNow({ ...now, disabled: event.currentTarget.checked })} />
          <span>
            {t("admin.disable")} <small>{t("admin.disable_hint")}</small>
          </span>
        </label>
        {isSelf && <p class="hint">{t("admin.yourself")}</p>}
        <Reason value={now.reason} set={(reason) => setNow({ ...now, reason })} wrong={wrong} />
        <Told sending={sending} />
        <button class="button" type="submit" disabled={sending.busy}>
          {t("admin.save")}
        </button>
      </form>
      <h3>{t("admin.history_of")}</h3>
      <Changes about="staff" id={user.name} at={times} />
    </div>
  );
}
