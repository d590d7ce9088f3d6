// Gathers what changed until the screen is drawn next, so that any number of changes cost one update a frame.

/** Hands over what was put in since the last frame, the newest of each key. */
export class Frame<T> {
  private waiting = new Map<string, T>();
  private asked = false;

  constructor(private readonly draw: (changed: ReadonlyMap<string, T>) => void) {}

  put(key: string, value: T): void {
    this.waiting.set(key, value);
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      const changed = this.waiting;
      this.waiting = new Map();
      this.asked = false;
      this.draw(changed);
    });
  }
}
