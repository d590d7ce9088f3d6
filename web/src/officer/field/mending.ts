// Takes a refused item back into the form, with its photographs, to be put right and kept anew under new keys.
import { REASONS, ledgerWording } from "../wording.ts";
import { blank, draft, type Draft } from "./draft.ts";
import type { Item } from "./item.ts";
import { keepPhoto, photoBytes } from "./vault.ts";

export async function mend(item: Item): Promise<void> {
  const { said } = item;
  const fresh = blank(said.kind);
  const now: Draft = {
    ...fresh,
    vehicleClass: said.vehicle_class,
    plate: said.plate ?? "",
    noPlate: said.plate === null,
    reason: REASONS.find((word) => ledgerWording(word) === said.reason) ?? null,
    location: said.location,
    zone: said.zone ?? "",
    cell: said.grid_cell ?? "",
    note: said.note ?? "",
    photos: item.photos,
    act: said.act ?? fresh.act,
    basis: said.legal_basis ?? "",
    ground: said.ground ?? "",
    atOnce: said.kind !== "seizure" || said.taken !== null,
    second: said.taken?.second_officer ?? fresh.second,
    custody: said.taken?.custody ?? fresh.custody,
    inventory: said.taken?.inventory ?? [],
    witness: said.taken?.witness ?? "",
    mends: item.order,
    madeAt: item.made_at,
  };
  for (const photo of item.photos) {
    const bytes = await photoBytes(item.id, photo.sha256);
    if (bytes !== null) await keepPhoto(now.id, photo.sha256, bytes);
  }
  draft.value = now;
}
