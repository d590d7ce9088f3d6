// Photographs as evidence: their digest is taken over exactly the bytes that will be sent, before they are kept.
import type { PhotoFacts } from "./item.ts";
import { keepPhoto } from "./vault.ts";

const LONGEST_SIDE_PX = 2560;
const SEND_AS_IS_BYTES = 3_000_000;
const QUALITY = 0.85;
export const MOST_PHOTOS = 8;

/** Keeps a photograph for a draft. JPEG and PNG of moderate size stay as the camera made them. */
export async function takePhoto(of: string, file: Blob): Promise<PhotoFacts> {
  const asIs = (file.type === "image/jpeg" || file.type === "image/png") && file.size <= SEND_AS_IS_BYTES;
  const blob = asIs ? file : await shrink(file);
  const bytes = await blob.arrayBuffer();
  const sha256 = await digest(bytes);
  await keepPhoto(of, sha256, bytes);
  return { sha256, type: blob.type, bytes: bytes.byteLength };
}

async function shrink(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob === null ? fail(new Error("no JPEG")) : done(blob)), "image/jpeg", QUALITY);
  });
}

/** Hex SHA-256. */
export async function digest(bytes: ArrayBuffer): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
