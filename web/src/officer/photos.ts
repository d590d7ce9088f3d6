// Photographs as evidence: made small enough to send, their digest taken over exactly the bytes that are sent.

export interface Photo {
  blob: Blob;
  url: string;
  /** Hex SHA-256 of the bytes; null where the connection gives no cryptography. */
  sha256: string | null;
}

const LONGEST_SIDE_PX = 2560;
const SEND_AS_IS_BYTES = 3_000_000;
const QUALITY = 0.85;

/** A photograph ready to send. JPEG and PNG of moderate size stay as the camera made them. */
export async function preparePhoto(file: Blob): Promise<Photo> {
  const asIs = (file.type === "image/jpeg" || file.type === "image/png") && file.size <= SEND_AS_IS_BYTES;
  const blob = asIs ? file : await shrink(file);
  return { blob, url: URL.createObjectURL(blob), sha256: await digest(await blob.arrayBuffer()) };
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

/** Hex SHA-256, or null outside a secure context. */
export async function digest(bytes: ArrayBuffer): Promise<string | null> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return null;
  const sum = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** True if the server holds the bytes this device sent, as far as the device can tell. */
export function sameBytes(sent: Photo[], held: { sha256: string }[]): boolean {
  return sent.length === held.length && sent.every((photo, i) => photo.sha256 === null || photo.sha256 === held[i]?.sha256);
}
