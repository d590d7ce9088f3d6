// Requests to the server: JSON in and out, problems as errors that say what is wrong.

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: Record<string, string>,
    /** The last word of its type, such as `no-legal-basis`; empty if it has none. */
    readonly slug: string,
  ) {
    super(detail === "" ? title : detail);
  }
}

export interface Ask {
  method?: "GET" | "POST" | "DELETE";
  json?: unknown;
  form?: FormData;
  /** A body that is sent as it is, byte by byte. */
  file?: Blob;
  key?: string;
  /** The secret of a device that asks by itself. */
  bearer?: string;
  signal?: AbortSignal;
}

/** Asks the server and gives its JSON; throws a `Problem` on any other answer. */
export async function ask<T>(path: string, { method = "GET", json, form, file, key, bearer, signal }: Ask = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Yunpark"] = "1";
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  if (bearer !== undefined) headers["Authorization"] = `Bearer ${bearer}`;
  if (file !== undefined) headers["Content-Type"] = "application/geo+json";
  const body = form ?? file ?? (json === undefined ? null : JSON.stringify(json));
  const answer = await fetch(path, {
    method,
    headers,
    body,
    credentials: "same-origin",
    cache: "no-store",
    signal: signal ?? AbortSignal.timeout(30_000),
  });
  if (!answer.ok) throw await problemOf(answer);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

export interface Listed<T> {
  items: T[];
  /** True if there are more than were fetched. */
  more: boolean;
}

const PAGE = 200;
const MOST_PAGES = 25;

/** A whole list, page after page by `next`; a very long one stops and says so. */
export async function askAll<T, K extends string>(path: string, field: K): Promise<Listed<T>> {
  const items: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = `limit=${PAGE}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`;
    const answer: { [key in K]: T[] } & { next: string | null } = await ask(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    items.push(...answer[field]);
    after = answer.next;
    if (after === null) return { items, more: false };
  }
  return { items, more: true };
}

async function problemOf(answer: Response): Promise<Problem> {
  const told = (await answer.json().catch(() => ({}))) as { type?: string; title?: string; detail?: string; fields?: unknown };
  return new Problem(
    answer.status,
    told.title ?? `HTTP ${answer.status}`,
    told.detail ?? "",
    fieldsOf(told.fields),
    told.type?.split("/").at(-1) ?? "",
  );
}

function fieldsOf(fields: unknown): Record<string, string> {
  if (typeof fields !== "object" || fields === null) return {};
  if (Array.isArray(fields)) {
    const named = fields as { field?: unknown; reason?: unknown }[];
    return Object.fromEntries(named.map(({ field, reason }) => [String(field), String(reason)]));
  }
  return Object.fromEntries(Object.entries(fields).map(([name, why]) => [name, String(why)]));
}

/** A random key for one act; the same key sent again does the act once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
