// What the officer's phone keeps: sealed with AES-GCM under a key that never leaves the browser, in IndexedDB.

export interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

/** A row of the queue: its place in the order, its own id, and everything else sealed. */
export interface ItemRow {
  order: number;
  id: string;
  sealed: Sealed;
}

const NAME = "yunpark-field";
const VERSION = 1;
const KEY = "queue";

let opened: Promise<IDBDatabase> | null = null;
let key: Promise<CryptoKey> | null = null;

/** False where the browser cannot keep anything sealed: without HTTPS, or without a store. */
export function canKeep(): boolean {
  return window.isSecureContext && "indexedDB" in window && globalThis.crypto?.subtle !== undefined;
}

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((done, fail) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("keys", { keyPath: "id" });
      db.createObjectStore("items", { keyPath: "order", autoIncrement: true }).createIndex("id", "id", { unique: true });
      db.createObjectStore("photos", { keyPath: "id" });
      db.createObjectStore("kept", { keyPath: "name" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error("the device's store does not open"));
  });
  opened.catch(() => (opened = null));
  return opened;
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error("the device's store failed"));
  });
}

/** Ends when all that was asked in `work` is on the disk, not only in memory. */
async function write(stores: string[], work: (tx: IDBTransaction) => void): Promise<void> {
  const db = await open();
  return new Promise((done, fail) => {
    const tx = db.transaction(stores, "readwrite", { durability: "strict" });
    tx.oncomplete = () => done();
    tx.onabort = () => fail(tx.error ?? new Error("the device's store failed"));
    work(tx);
  });
}

async function read<T>(store: string, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  return answer(work(db.transaction(store, "readonly").objectStore(store)));
}

/** The key: made once, not extractable, kept as an object no script can read the bits of. */
function ownKey(): Promise<CryptoKey> {
  key ??= (async () => {
    const known = await read("keys", (store) => store.get(KEY) as IDBRequest<{ key: CryptoKey } | undefined>);
    if (known !== undefined) return known.key;
    const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    try {
      await write(["keys"], (tx) => tx.objectStore("keys").add({ id: KEY, key: made }));
      return made;
    } catch {
      // Another tab made one at the same time; it was first.
      const theirs = await read("keys", (store) => store.get(KEY) as IDBRequest<{ key: CryptoKey } | undefined>);
      if (theirs === undefined) throw new Error("the device keeps no key");
      return theirs.key;
    }
  })();
  key.catch(() => (key = null));
  return key;
}

/** Seals bytes for one place: opened anywhere else, they do not open. */
async function seal(place: string, bytes: BufferSource): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = new TextEncoder().encode(place);
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, await ownKey(), bytes) };
}

async function unseal(place: string, { iv, data }: Sealed): Promise<ArrayBuffer> {
  const additionalData = new TextEncoder().encode(place);
  return crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, await ownKey(), data);
}

const sealJson = (place: string, value: unknown): Promise<Sealed> => seal(place, new TextEncoder().encode(JSON.stringify(value)));

async function unsealJson<T>(place: string, sealed: Sealed): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await unseal(place, sealed))) as T;
}

/** Keeps one thing under a name. */
export async function keepSealed(name: string, value: unknown): Promise<void> {
  const sealed = await sealJson(`kept/${name}`, value);
  await write(["kept"], (tx) => tx.objectStore("kept").put({ name, sealed }));
}

/** What was kept under a name; null if nothing was, or if it does not open any more. */
export async function keptSealed<T>(name: string): Promise<T | null> {
  const row = await read("kept", (store) => store.get(name) as IDBRequest<{ sealed: Sealed } | undefined>);
  if (row === undefined) return null;
  return unsealJson<T>(`kept/${name}`, row.sealed).catch(() => null);
}

export async function forget(...names: string[]): Promise<void> {
  await write(["kept"], (tx) => names.forEach((name) => tx.objectStore("kept").delete(name)));
}

/** Every row of the queue in order; one that does not open any more is given as null, never dropped. */
export async function allItems<T>(): Promise<{ order: number; id: string; item: T | null }[]> {
  const rows = await read("items", (store) => store.getAll() as IDBRequest<ItemRow[]>);
  return Promise.all(
    rows.map(async ({ order, id, sealed }) => ({ order, id, item: await unsealJson<T>(`item/${id}`, sealed).catch(() => null) })),
  );
}

/** Puts a new row at the end and forgets `instead`, in one step. False if there is one of this id: it was put there before. */
export async function addItem(id: string, value: unknown, forgets: string[], instead: number | null): Promise<boolean> {
  const sealed = await sealJson(`item/${id}`, value);
  try {
    await write(["items", "kept"], (tx) => {
      tx.objectStore("items").add({ id, sealed });
      for (const name of forgets) tx.objectStore("kept").delete(name);
      if (instead !== null) tx.objectStore("items").delete(instead);
    });
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === "ConstraintError") return false;
    throw error;
  }
}

export async function saveItem(order: number, id: string, value: unknown): Promise<void> {
  const sealed = await sealJson(`item/${id}`, value);
  await write(["items"], (tx) => tx.objectStore("items").put({ order, id, sealed }));
}

export async function dropItem(order: number): Promise<void> {
  await write(["items"], (tx) => tx.objectStore("items").delete(order));
}

/** Keeps a photograph of a draft or an item. */
export async function keepPhoto(of: string, sha256: string, bytes: ArrayBuffer): Promise<void> {
  const id = `${of}/${sha256}`;
  const sealed = await seal(`photo/${id}`, bytes);
  await write(["photos"], (tx) => tx.objectStore("photos").put({ id, sealed }));
}

export async function photoBytes(of: string, sha256: string): Promise<ArrayBuffer | null> {
  const id = `${of}/${sha256}`;
  const row = await read("photos", (store) => store.get(id) as IDBRequest<{ sealed: Sealed } | undefined>);
  return row === undefined ? null : unseal(`photo/${id}`, row.sealed);
}

export async function dropPhoto(of: string, sha256: string): Promise<void> {
  await write(["photos"], (tx) => tx.objectStore("photos").delete(`${of}/${sha256}`));
}

/** Forgets all photographs of one item. */
export async function dropPhotos(of: string): Promise<void> {
  await write(["photos"], (tx) => tx.objectStore("photos").delete(IDBKeyRange.bound(`${of}/`, `${of}/\uffff`)));
}

/** Asks the browser not to throw this away when the disk is full. */
export async function askToStay(): Promise<void> {
  await navigator.storage?.persist?.().catch(() => false);
}
