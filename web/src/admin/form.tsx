// A form of the administration: what is wrong stands beside its field, and what is sent twice is done once.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ask, newKey, Problem, type Ask } from "../http.ts";
import { lang, t } from "../i18n.ts";
import { faultWords, sessionEnded } from "../staff.tsx";

export interface Sending {
  /** What is wrong, by field. */
  wrong: Record<string, string>;
  /** What it came to, in words. */
  told: { fault: boolean; words: string } | null;
  busy: boolean;
  /** Sends once; the answer, or null where it was refused. */
  send: <T>(path: string, json: object, done: string, how?: Ask) => Promise<T | null>;
  clear: () => void;
}

/** The same content is sent under the same key until it is done: a double tap, or an answer that got lost, does nothing twice. */
export function useSending(): Sending {
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [told, setTold] = useState<Sending["told"]>(null);
  const [busy, setBusy] = useState(false);
  const under = useRef({ content: "", key: "" });
  const now = useRef(false);
  const send = async <T,>(path: string, json: object, done: string, how: Ask = {}): Promise<T | null> => {
    if (now.current) return null;
    now.current = true;
    setBusy(true);
    const content = `${how.method ?? "POST"} ${path} ${JSON.stringify(json)}`;
    if (under.current.content !== content) under.current = { content, key: newKey() };
    try {
      const answer = await ask<T>(path, { method: "POST", json, key: under.current.key, ...how });
      under.current = { content: "", key: "" };
      setWrong({});
      setTold({ fault: false, words: done });
      return (answer ?? ({} as T)) as T;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionEnded();
      const fields = error instanceof Problem ? error.fields : {};
      setWrong(fields);
      setTold({ fault: true, words: Object.keys(fields).length > 0 ? t("admin.see_fields") : faultWords(error) });
      return null;
    } finally {
      now.current = false;
      setBusy(false);
    }
  };
  const clear = (): void => {
    setWrong({});
    setTold(null);
  };
  return { wrong, told, busy, send, clear };
}

/** What the server says of a field, in the screen's language. */
export function reasonWords(reason: string): string {
  if (lang.value === "en") return reason;
  const known: [RegExp, string][] = [
    [/^must be a whole number from (\d+) to (\d+)$/, "须为 $1 到 $2 的整数"],
    [/^must say something$/, "必填"],
    [/^must be one of (.*)$/, "须为其中之一：$1"],
    [/^must have at most (\d+) characters.*$/, "最多 $1 个字，不含控制字符"],
    [/^a reason has 1 to (\d+) characters$/, "请写明理由，最多 $1 个字"],
    [/^a password has at least.*$/, "密码至少 8 位"],
    [/^a name has.*$/, "用户名为 1 至 64 个字母、汉字、数字或 . _ - @"],
    [/^the name is taken$/, "已有此用户名，请换一个"],
    [/^a unit has.*$/, "单位最多 80 个字"],
    [/^must not be more than the highest fine$/, "不得高于最高罚款额"],
    [/^must not be more than what is refused$/, "不得高于拒绝查询的次数"],
    [/^not opening hours.*$/, "时段写法不对，例如 Mo-Fr 08:00-18:00"],
    [/^(\S+) is among the holidays too$/, "$1 同时列为节假日，请去掉其一"],
    [/^(\S+) is no Saturday or Sunday.*$/, "$1 不是周六、周日，平日本来就上班"],
    [/^the law wants on it what is missing: (.*)$/, "缺少法律要求的项目：$1"],
    [/^there is no field (.*); there are .*$/, "没有这个项目：$1（可用项目见下）"],
    [/^a field is not closed.*$/, "有 {{ 没有对应的 }}"],
    [/^a document is paper: it may hold no (.*)$/, "文书是纸面文件，不能含 $1"],
    [/^must be a plate.*$/, "须为完整车牌"],
    [/^is not in the city$/, "本市没有这个路段"],
    [/^must be after from, and in the future$/, "须晚于开始时间，且在将来"],
    [/^is no RFC 3339 instant$/, "请填写日期和时间"],
    [/^a vehicle on duty may stand in every zone$/, "白名单车辆不限路段，请清空路段"],
  ];
  const hit = known.find(([pattern]) => pattern.test(reason));
  return hit === undefined ? reason : reason.replace(hit[0], hit[1]);
}

export function Field({ name, label, hint, wrong, children }: { name: string; label: string; hint?: string; wrong: Record<string, string>; children: ComponentChildren }) {
  const why = wrong[name];
  return (
    <label class={why === undefined ? "field" : "field is-wrong"}>
      <span>
        {label} {hint !== undefined && <small>{hint}</small>}
      </span>
      {children}
      {why !== undefined && (
        <em class="wrong" data-wrong={name} role="alert">
          ✕ {reasonWords(why)}
        </em>
      )}
    </label>
  );
}

/** Why; every change needs it. */
export function Reason({ value, set, wrong }: { value: string; set: (next: string) => void; wrong: Record<string, string> }) {
  return (
    <Field name="reason" label={t("admin.reason")} hint={t("acts.reason_hint")} wrong={wrong}>
      <input name="reason" maxLength={500} value={value} aria-invalid={wrong.reason !== undefined} onInput={(event) => set(event.currentTarget.value)} />
    </Field>
  );
}

export function Told({ sending }: { sending: Sending }) {
  if (sending.told === null) return null;
  const { fault, words } = sending.told;
  return (
    <p class={fault ? "fault" : "saved"} role={fault ? "alert" : "status"} data-told={fault ? "fault" : "done"}>
      {words}
    </p>
  );
}
