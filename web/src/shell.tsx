// What every page wears: the bar with its name, the pages, the connection pill, the language; and the footer.
import { effect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ageWords } from "./age.ts";
import { tick } from "./clock.ts";
import { htmlLang, lang, setLang, t } from "./i18n.ts";
import type { Connection } from "./live/socket.ts";

const PAGES = [
  ["/", "nav.map"],
  ["/signs", "nav.signs"],
  ["/feeds", "nav.feeds"],
  ["/report", "nav.report"],
  ["/officer", "nav.officer"],
  ["/matters", "nav.matters"],
  ["/supervisor", "nav.supervisor"],
  ["/operator", "nav.operator"],
  ["/admin", "nav.admin"],
] as const;

/** Keeps the document's language and title in step with the screen. */
export function keepTitle(title: () => string): void {
  effect(() => {
    document.documentElement.lang = htmlLang.value;
    document.title = title();
  });
}

export function Bar({ title, children }: { title: string; children?: ComponentChildren }) {
  const here = location.pathname.replace(/\.html$/, "").replace(/\/index$/, "/");
  return (
    <header class="bar">
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <div class="brand">
        <span class="badge" aria-hidden="true">
          P
        </span>
        <h1>{title}</h1>
      </div>
      <PageLinks here={here} class="bar-links" />
      <div class="bar-end">
        {children}
        <LangButton />
      </div>
    </header>
  );
}

function PageLinks({ here, class: name }: { here: string; class: string }) {
  return (
    <nav class={name} aria-label={t("nav.label")}>
      {PAGES.map(([path, word]) => (
        <a key={path} href={path} {...(here === path ? { "aria-current": "page" as const } : {})}>
          {t(word)}
        </a>
      ))}
    </nav>
  );
}

function LangButton() {
  const other = lang.value === "zh" ? "en" : "zh-CN";
  return (
    <button
      type="button"
      class="lang"
      lang={other}
      title={t("lang.switch")}
      onClick={() => setLang(lang.value === "zh" ? "en" : "zh")}
    >
      {t("lang.other")}
    </button>
  );
}

/** Live, reconnecting or offline, with the age of what is shown. */
export function Pill({ state, heardAtMs }: { state: Connection; heardAtMs: number | null }) {
  const age = heardAtMs === null ? null : ageWords((tick.value - heardAtMs) / 1000, lang.value);
  const detail = age === null ? "" : t(state === "live" ? "pill.updated" : "pill.shown", { age });
  return (
    <span class="pill" data-connection={state} title={detail}>
      <span class="dot" aria-hidden="true" />
      <span class="pill-word">{t(`pill.${state}`)}</span>
      {detail !== "" && <span class="pill-age">{detail}</span>}
      {age !== null && state !== "live" && <span class="pill-short">{age}</span>}
    </span>
  );
}

export function Footer({ fictional }: { fictional: boolean }) {
  const here = location.pathname.replace(/\.html$/, "");
  return (
    <footer class="foot">
      {fictional && <p class="demo">{t("demo.notice")}</p>}
      <PageLinks here={here} class="foot-links" />
    </footer>
  );
}
