/** Where somebody waits for what a look does. */
const TICK_MS = 500;
/** Something changed while the last look was under way. */
const SOON_MS = 10;

/** Looks again and again, one look at a time, and at once where something has changed. */
export class Ticker {
  private readonly look: () => Promise<void>;
  private readonly everyMs: number;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = true;

  /** @param look must not reject */
  constructor(look: () => Promise<void>, everyMs = TICK_MS) {
    this.look = look;
    this.everyMs = everyMs;
  }

  start(): void {
    this.stopped = false;
    this.poke();
  }

  /** Begins no further look and waits for the one in progress. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.running;
  }

  /** Something changed: look now instead of at the next tick. */
  readonly poke = (): void => {
    if (this.stopped) return;
    if (this.running !== null) {
      this.again = true;
      return;
    }
    if (this.timer !== null) clearTimeout(this.timer);
    this.running = this.look().finally(() => {
      this.running = null;
      if (this.stopped) return;
      const soon = this.again;
      this.again = false;
      this.timer = setTimeout(this.poke, soon ? SOON_MS : this.everyMs);
    });
  };
}
