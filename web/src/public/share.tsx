// Handing a lot on: the device's own sheet where there is one, else the link on the clipboard, else the link to read.
import { signal } from "@preact/signals";
import { t } from "../i18n.ts";

interface Handed {
  lot: string;
  url: string;
  copied: boolean;
}

const handed = signal<Handed | null>(null);

/** The address of the lot's own page. */
export function linkOf(lot: string): string {
  return new URL(`/lots/${encodeURIComponent(lot)}`, location.href).href;
}

export async function share(lot: string, name: string): Promise<void> {
  const url = linkOf(lot);
  if ("share" in navigator && matchMedia("(pointer: coarse)").matches) {
    // Whoever closes the sheet has changed his mind: nothing is wrong.
    await navigator.share({ title: name, url }).catch(() => undefined);
    return;
  }
  const copied = await Promise.resolve(navigator.clipboard?.writeText(url))
    .then(() => navigator.clipboard !== undefined)
    .catch(() => false);
  handed.value = { lot, url, copied };
}

/** What became of sharing this lot. */
export function Shared({ lot }: { lot: string }) {
  const last = handed.value;
  if (last === null || last.lot !== lot) return null;
  return (
    <span class="shared" role="status">
      {last.copied ? t("lot.shared") : t("lot.link", { url: last.url })}
    </span>
  );
}
