// The pieces the field's forms are put together from: choices as large buttons, what is lacking, photographs.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Word } from "../../dictionary.ts";
import { t } from "../../i18n.ts";
import type { PhotoFacts } from "./item.ts";
import { photoBytes } from "./vault.ts";

export function Choice({ legend, two, children }: { legend: string; two?: boolean; children: ComponentChildren }) {
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      <div class={two === true ? "options two" : "options"}>{children}</div>
    </fieldset>
  );
}

export function Option({ on, pick, name, children }: { on: boolean; pick(): void; name?: string; children: ComponentChildren }) {
  return (
    <button type="button" class="option" aria-pressed={on} data-option={name} onClick={pick}>
      {children}
    </button>
  );
}

/** What is wrong with a field, and how to mend it, beside the field. */
export function Lack({ word }: { word: Word | undefined }) {
  if (word === undefined) return null;
  return (
    <strong class="lack" role="alert">
      {t(word)}
    </strong>
  );
}

/** A photograph kept on this phone. */
export function KeptPhoto({ of, photo, n }: { of: string; photo: PhotoFacts; n: number }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let made = "";
    let gone = false;
    void photoBytes(of, photo.sha256)
      .then((bytes) => {
        if (bytes === null || gone) return;
        made = URL.createObjectURL(new Blob([bytes], { type: photo.type }));
        setUrl(made);
      })
      .catch(() => undefined);
    return () => {
      gone = true;
      if (made !== "") URL.revokeObjectURL(made);
    };
  }, [of, photo.sha256]);
  return url === "" ? <span class="photo-gone" /> : <img src={url} alt={t("street.photo_n", { n })} />;
}

/** Opens the camera; each picture that comes of it is given on. */
export function Camera({ pick, children, class: name, id }: { pick(file: Blob): void; children: ComponentChildren; class: string; id: string }) {
  return (
    <label class={name}>
      <input
        class="hidden"
        type="file"
        name={id}
        accept="image/*"
        capture="environment"
        onChange={(event) => {
          const input = event.currentTarget;
          for (const file of input.files ?? []) pick(file);
          input.value = "";
        }}
      />
      <span>{children}</span>
    </label>
  );
}
