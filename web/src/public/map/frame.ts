// Gathers what changed until the screen is drawn next, so that any number of changes cost one update a frame.

/** A change that comes alone is drawn at once; of a crowd nobody sees more than a few pictures a second, and each costs battery. */
export const FEW_A_SECOND_MS = 200;

/** Hands over what was put in since the last time, the newest of each key: with the next frame, and not sooner than `restMs` after the last. */
export class Frame<T> {
  private waiting = new Map<string, T>();
  private asked = false;
  private drawnMs = -Infinity;

  constructor(
    private readonly draw: (changed: ReadonlyMap<string, T>) => void,
    private readonly restMs = 0,
  ) {}

  put(key: string, value: T): void {
    this.waiting.set(key, value);
    if (this.asked) return;
    this.asked = true;
    const rest = this.drawnMs + this.restMs - performance.now();
    const ask = () => requestAnimationFrame(() => this.hand());
    if (rest > 0) setTimeout(ask, rest);
    else ask();
  }

  private hand(): void {
    const changed = this.waiting;
    this.waiting = new Map();
    this.asked = false;
    this.drawnMs = performance.now();
    this.draw(changed);
  }
}
