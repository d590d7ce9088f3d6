// The catalogue of open data: each feed in plain words, its licence, how fresh it is, and an example to look at.
import { signal } from "@preact/signals";
import { render } from "preact";
import { ageWords, secondsSince } from "../age.ts";
import { shownNowMs } from "../clock.ts";
import { ask } from "../http.ts";
import { lang, t, text } from "../i18n.ts";
import { Bar, Footer, keepTitle } from "../shell.tsx";
import type { Text } from "../types.ts";

interface Entry {
  id: string;
  title: Text;
  what: Text;
  freshness: Text;
  format: string;
  encoding: string;
  needs_token: boolean;
  addresses: string[];
}

interface Catalogue {
  city: Text;
  fictional: boolean;
  publisher: string;
  licence: { name: string; url: string };
  requests_per_minute: number;
  updated_at: string;
  feeds: Entry[];
}

interface Example {
  state: "loading" | "shown" | "failed";
  words: string;
}

const catalogue = signal<Catalogue | null>(null);
const failed = signal(false);
const examples = signal<Record<string, Example>>({});
const copied = signal<string | null>(null);

const EVERY_MS = 15_000;
const SHOWN_CHARACTERS = 1_800;

async function renew(): Promise<void> {
  try {
    const answer = await ask<Catalogue>("/feeds/catalogue.json");
    catalogue.value = answer;
    failed.value = false;
  } catch {
    failed.value = true;
  }
}

/** Makes one long line of JSON or XML readable; what cannot be read stays as it is. */
function laidOut(body: string, encoding: string): string {
  if (encoding === "json") {
    try {
      return JSON.stringify(JSON.parse(body), null, 2);
    } catch {
      return body;
    }
  }
  if (encoding !== "xml") return body;
  let depth = 0;
  return body
    .replace(/>\s*</g, ">\n<")
    .split("\n")
    .map((line) => {
      if (line.startsWith("</")) depth = Math.max(0, depth - 1);
      const placed = "  ".repeat(depth) + line;
      if (/^<[^!?/][^>]*[^/]>$/.test(line)) depth += 1;
      return placed;
    })
    .join("\n");
}

async function look(entry: Entry): Promise<void> {
  const address = entry.addresses[0];
  if (address === undefined || examples.value[entry.id]?.state === "shown") return;
  const put = (example: Example) => (examples.value = { ...examples.value, [entry.id]: example });
  put({ state: "loading", words: "" });
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(15_000) });
    const body = await answer.text();
    if (!answer.ok) throw new Error(body);
    const words = laidOut(body, entry.encoding);
    put({ state: "shown", words: words.length > SHOWN_CHARACTERS ? `${words.slice(0, SHOWN_CHARACTERS)}\n…` : words });
  } catch {
    put({ state: "failed", words: "" });
  }
}

async function copy(address: string): Promise<void> {
  const whole = new URL(address, location.href).href;
  // Without a secure context there is no clipboard; the address can still be marked by hand.
  await navigator.clipboard?.writeText(whole).catch(() => undefined);
  copied.value = address;
}

function Address({ address }: { address: string }) {
  return (
    <li class="address">
      <a href={address}>{address}</a>
      <button type="button" class="link" aria-label={t("feeds.copy_address", { address })} onClick={() => void copy(address)}>
        {copied.value === address ? t("feeds.copied") : t("feeds.copy")}
      </button>
    </li>
  );
}

function Sample({ entry }: { entry: Entry }) {
  if (entry.needs_token || entry.addresses.length === 0) return null;
  const example = examples.value[entry.id];
  return (
    <details class="sample" onToggle={(event) => event.currentTarget.open && void look(entry)}>
      <summary>{t("feeds.example")}</summary>
      {example?.state === "loading" && <p class="hint">{t("list.loading")}</p>}
      {example?.state === "failed" && <p class="fault">{t("feeds.no_example")}</p>}
      {example?.state === "shown" && <pre tabIndex={0}>{example.words}</pre>}
    </details>
  );
}

function FeedCard({ entry }: { entry: Entry }) {
  return (
    <li class="card feed" data-feed={entry.id}>
      <div class="feed-head">
        <h3>{text(entry.title)}</h3>
        {entry.needs_token && (
          <span class="tag" data-tone="warn">
            {t("feeds.token")}
          </span>
        )}
      </div>
      <p class="format">
        <span class="kind">{entry.encoding.toUpperCase()}</span> {entry.format}
      </p>
      <p>{text(entry.what)}</p>
      <p class="fresh">
        <span class="fresh-word">{t("feeds.fresh")}</span> {text(entry.freshness)}
      </p>
      {entry.addresses.length > 0 && (
        <ul class="addresses">
          {entry.addresses.map((address) => (
            <Address key={address} address={address} />
          ))}
        </ul>
      )}
      <Sample entry={entry} />
    </li>
  );
}

function Head({ all }: { all: Catalogue }) {
  const seconds = secondsSince(all.updated_at, shownNowMs());
  return (
    <section class="feeds-head">
      <h2>{t("feeds.heading", { city: text(all.city) })}</h2>
      <p class="lead">{t("feeds.lead")}</p>
      <dl class="facts">
        <div>
          <dt>{t("feeds.licence")}</dt>
          <dd>
            <a href={all.licence.url} rel="license">
              {all.licence.name}
            </a>
          </dd>
        </div>
        <div>
          <dt>{t("feeds.publisher")}</dt>
          <dd>{all.publisher}</dd>
        </div>
        <div>
          <dt>{t("feeds.updated")}</dt>
          <dd>{seconds === null ? "–" : ageWords(seconds, lang.value)}</dd>
        </div>
        <div>
          <dt>{t("feeds.limit")}</dt>
          <dd>{t("feeds.limit_words", { n: all.requests_per_minute })}</dd>
        </div>
      </dl>
      <p class="promise">{t("feeds.promise")}</p>
    </section>
  );
}

function Page() {
  const all = catalogue.value;
  return (
    <>
      <Bar title={t("title.feeds")} />
      <main id="main" class="page">
        {all === null && <p class={failed.value ? "fault" : "empty"}>{t(failed.value ? "feeds.lost" : "list.loading")}</p>}
        {all !== null && <Head all={all} />}
        <ul class="feeds">{all?.feeds.map((entry) => <FeedCard key={entry.id} entry={entry} />)}</ul>
      </main>
      <Footer fictional={all?.fictional ?? false} />
    </>
  );
}

keepTitle(() => t("title.feeds"));
render(<Page />, document.getElementById("app") as HTMLElement);
void renew();
setInterval(() => void renew(), EVERY_MS);
