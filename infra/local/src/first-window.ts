import { recentRevenue } from "./control-plane-client.ts";
import type { Settings } from "./settings.ts";

const POLL_MS = 1_000;

/** Watches for the first revenue window that holds what came in since the start. */
export class FirstWindow {
  /** Settles with the seconds from the start to that window. */
  readonly seen: Promise<number>;
  readonly #settings: Settings;
  readonly #startedAt: number;
  #seconds: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #settle: (seconds: number) => void = () => {};

  /** @param startedAt milliseconds since 1970 */
  constructor(settings: Settings, startedAt: number) {
    this.#settings = settings;
    this.#startedAt = startedAt;
    this.seen = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get seconds(): number | null {
    return this.#seconds;
  }

  /** Begins to ask the control plane. */
  watch(): void {
    this.#timer = setTimeout(() => void this.#look(), POLL_MS);
    this.#timer.unref();
  }

  /** Stops asking. */
  forget(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    const revenue = await recentRevenue(this.#settings);
    if (this.#timer === null) return;
    // After a restart the tables answer at once: what counts is that the jobs have taken in something since.
    const lowWatermark = Date.parse(revenue?.snapshot?.lowWatermark ?? "");
    const fresh = this.#settings.producerRate === 0 || lowWatermark >= this.#startedAt;
    if (revenue && revenue.items.length > 0 && fresh) {
      this.#seconds = (Date.now() - this.#startedAt) / 1000;
      this.#settle(this.#seconds);
      this.#timer = null;
      return;
    }
    this.watch();
  }
}
