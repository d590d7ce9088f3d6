// What this device keeps between visits; a private window keeps nothing, and nobody is told of it.

/** Reads what was kept under a name; null if nothing was, or if it cannot be read. */
export function kept<T>(name: string): T | null {
  try {
    const text = localStorage.getItem(`yunpark.${name}`);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

/** Keeps something under a name, if the device lets us. */
export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(`yunpark.${name}`, JSON.stringify(value));
  } catch {
    // Full or forbidden: the page works without.
  }
}
