// A piece of evidence: small in its place, large on demand, and held against its hash by this browser.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n.ts";
import type { EvidenceImage } from "../types.ts";

type Held = "asking" | "same" | "differs" | "unknown";

/** The picture; a tap, or Enter, shows it large with the state of its hash. */
export function Evidence({ image, alt, small }: { image: EvidenceImage; alt: string; small?: boolean }) {
  const [large, setLarge] = useState(false);
  return (
    <>
      <button type="button" class="evidence" data-evidence={image.sha256} aria-label={t("evidence.enlarge", { what: alt })} onClick={() => setLarge(true)}>
        <img src={small === true ? `${image.url}/thumbnail` : image.url} alt={alt} loading="lazy" />
      </button>
      {large && <Large image={image} alt={alt} close={() => setLarge(false)} />}
    </>
  );
}

const SCALES = [1, 2, 4] as const;

function Large({ image, alt, close }: { image: EvidenceImage; alt: string; close(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [url, setUrl] = useState("");
  const [held, setHeld] = useState<Held>("asking");
  const [scale, setScale] = useState<number>(1);
  useEffect(() => {
    dialog.current?.showModal();
    let made = "";
    let gone = false;
    const look = async (): Promise<void> => {
      const answer = await fetch(image.url, { credentials: "same-origin", cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const blob = await answer.blob();
      const bytes = await blob.arrayBuffer();
      if (gone) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
      if (globalThis.crypto?.subtle === undefined) return setHeld("unknown");
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const hex = [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      setHeld(hex === image.sha256 ? "same" : "differs");
    };
    look().catch(() => setHeld("unknown"));
    return () => {
      gone = true;
      if (made !== "") URL.revokeObjectURL(made);
    };
  }, []);
  return (
    <dialog ref={dialog} class="large" aria-label={alt} onClose={close}>
      <div class="large-bar">
        <span class="tag" data-tone={held === "same" ? "good" : held === "differs" ? "bad" : "none"} data-held={held}>
          {t(`evidence.${held}`)}
        </span>
        <code class="hash">{image.sha256}</code>
        <div class="chips" role="group" aria-label={t("evidence.zoom")}>
          {SCALES.map((n) => (
            <button key={n} type="button" class="chip" aria-pressed={scale === n} onClick={() => setScale(n)}>
              {n}×
            </button>
          ))}
          <button type="button" class="chip" onClick={() => dialog.current?.close()}>
            {t("lot.close")}
          </button>
        </div>
      </div>
      <div class="large-picture" tabIndex={0}>
        {url !== "" && <img src={url} alt={alt} style={{ width: `${scale * 100}%` }} />}
      </div>
    </dialog>
  );
}
