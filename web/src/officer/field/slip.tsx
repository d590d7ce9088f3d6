// The slip an officer hands over, made on the phone: on the screen with its QR code, and printed on 58 or 80 mm paper.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { encode } from "uqr";
import { ageWords, secondsSince, stamp } from "../../age.ts";
import { distanceWords } from "../../geo.ts";
import { code, lang, t, text } from "../../i18n.ts";
import { showPlate } from "../../plate.ts";
import { timeZone } from "../city.ts";
import { reasonWords } from "../wording.ts";
import { shielded, shownSlip } from "./acts.ts";
import { showSlip, type Item } from "./item.ts";
import { kit } from "./kit.ts";
import { items } from "./queue.ts";

const PAPERS = [
  ["58mm", "@page{size:58mm 297mm;margin:2mm}"],
  ["80mm", "@page{size:80mm 297mm;margin:3mm}"],
  ["a4", "@page{size:210mm 297mm;margin:20mm}"],
] as const;

/** The slip that is asked for, above the page. */
export function SlipDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const item = items.value.find(({ id }) => id === shownSlip.value);
  useLayoutEffect(() => {
    if (item === undefined || dialog.current?.open !== false) return;
    dialog.current.showModal();
    // The first button takes the focus; the slip is read from its top.
    dialog.current.scrollTo(0, 0);
  }, [item === undefined]);
  if (item === undefined) return null;
  const close = (): void => void (shownSlip.value = null);
  return (
    <dialog ref={dialog} class="slip-dialog" inert={shielded.value} aria-label={t("field.slip")} onClose={close}>
      <Slip item={item} />
      <div class="slip-acts">
        {PAPERS.map(([paper, rule]) => (
          <button key={paper} type="button" class="button plain" onClick={() => print(paper, rule)}>
            {t("field.print", { paper: paper === "a4" ? "A4" : paper.replace("mm", " mm") })}
          </button>
        ))}
        {item.record !== null && (
          <a class="button plain" href={officialPath(item)} target="_blank" rel="noopener">
            {t("field.official")}
          </a>
        )}
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          {t("field.slip_done")}
        </button>
      </div>
    </dialog>
  );
}

/** The document the server makes of the record, on slip paper. */
function officialPath({ said, record }: Item): string {
  const document = { warning: "warning", correction: "warning", penalty: "parking_notice", seizure: "seizure" }[said.kind];
  const path = `/api/v1/records/${encodeURIComponent(record?.id ?? "")}`;
  return said.kind === "seizure" && said.taken === null ? `${path}/notice` : `${path}/documents/${document}?paper=80mm`;
}

function print(paper: string, rule: string): void {
  const style = document.createElement("style");
  style.textContent = rule;
  document.head.append(style);
  document.documentElement.dataset.print = paper;
  addEventListener(
    "afterprint",
    () => {
      style.remove();
      delete document.documentElement.dataset.print;
    },
    { once: true },
  );
  window.print();
}

/** The address the slip's QR code opens, once the record has reached the server. */
export function checkAddress(id: string): string {
  const base = kit.value?.field.documents.public_url.replace(/\/$/, "") || location.origin;
  return `${base}/check?number=${id}`;
}

export function Slip({ item }: { item: Item }) {
  const { said, where } = item;
  const documents = kit.value?.field.documents;
  const place = [text(where.zone), text(where.cell), text(where.unit)].filter(Boolean).join(" · ");
  const rows: [string, string][] = [
    [t("slip.number"), showSlip(item.id)],
    ...(item.record === null ? [] : ([[t("slip.record"), item.record.number]] as [string, string][])),
    [t("street.plate"), said.plate === null ? t("records.no_plate") : showPlate(said.plate)],
    [t("slip.time"), stamp(item.made_at, timeZone.value).slice(0, 16)],
    [t("street.place"), place !== "" ? place : said.location === null ? "—" : `${said.location[1].toFixed(5)}, ${said.location[0].toFixed(5)}`],
    [t("slip.reason"), reasonWords(said.reason)],
    ...(said.act === null ? [] : ([[t("street.act"), code("act", said.act)]] as [string, string][])),
    ...(said.legal_basis === null ? [] : ([[t("street.basis"), said.legal_basis]] as [string, string][])),
    ...(said.taken === null ? [] : ([[t("field.custody"), said.taken.custody]] as [string, string][])),
    [t("slip.officer"), [item.owner, said.taken?.second_officer].filter(Boolean).join("、")],
    ...(said.taken?.witness == null ? [] : ([[t("field.witness"), said.taken.witness]] as [string, string][])),
  ];
  return (
    <article class="slip" data-slip={item.id}>
      <h2>
        <small>{documents?.authority ?? ""}</small>
        {t(`slip.title.${said.kind}`)}
      </h2>
      {kit.value?.lots.city.fictional === true && <p class="slip-demo">{t("slip.fictional")}</p>}
      <table>
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {said.taken !== null && (
        <table class="slip-things">
          <caption>{t("field.inventory")}</caption>
          <tbody>
            {said.taken.inventory.map((thing, i) => (
              <tr key={i}>
                <td>{thing.name}</td>
                <td>{thing.quantity}</td>
                <td>{thing.note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {item.near.length > 0 && (
        <div class="slip-near">
          <p>{t("slip.near")}</p>
          <ul>
            {item.near.map((lot) => (
              <li key={lot.id}>
                {text(lot.name)} {distanceWords(lot.distance_m)} · {freeThen(lot, item.made_at)}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p>{t(`slip.rights.${said.kind === "seizure" ? "seizure" : said.kind === "penalty" ? "penalty" : "warning"}`)}</p>
      {documents !== undefined && documents.phone !== "" && <p>{t("slip.phone", { phone: documents.phone })}</p>}
      <Qr text={checkAddress(item.id)} />
      <p class="slip-state">{t(item.record === null ? "slip.not_yet" : "slip.check")}</p>
    </article>
  );
}

/** Free places as they were known when the act was recorded. */
function freeThen({ free, observed_at }: Item["near"][number], madeAt: string): string {
  if (free === null) return t("field.free_unknown");
  const age = secondsSince(observed_at, Date.parse(madeAt));
  return age === null ? t("field.free", { n: free }) : t("field.free_aged", { n: free, age: ageWords(age, lang.value) });
}

const QUIET = 4;

function Qr({ text: told }: { text: string }) {
  const { path, side } = useMemo(() => {
    const { data, size } = encode(told, { ecc: "M", border: QUIET });
    const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { path: dark.join(""), side: size };
  }, [told]);
  return (
    <svg class="slip-qr" viewBox={`0 0 ${side} ${side}`} shape-rendering="crispEdges" role="img" aria-label={told} data-check={told}>
      <path d={`M0 0h${side}v${side}H0z`} fill="#fff" />
      <path d={path} />
    </svg>
  );
}
