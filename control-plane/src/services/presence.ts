import { Problem } from "../domain/problem.ts";
import type { Log } from "./log.ts";

export interface PresenceStore {
  /** Notes that a control plane is there. @returns the addresses of all that were seen lately, this one's included */
  announce(address: string): Promise<string[]>;
}

/** Says where control planes are to runners that reach none they know, the one that decides first. */
export type PutUpSignpost = (controlPlanes: string[]) => Promise<void>;

const EVERY_MS = 2_000;

/**
 * Tells the other control planes of this database where this one is, and hears of them: runners are told all addresses,
 * so that one that takes over is not a stranger to them. Where one is, it stands on a signpost that they read.
 */
export class Presence {
  /** where runners call this control plane */
  readonly own: string;
  private readonly store: PresenceStore;
  private readonly putUpSignpost: PutUpSignpost;
  private readonly log: Log;
  private others: string[] = [];
  private timer: NodeJS.Timeout | null = null;
  private isDeciding = false;
  private trouble = "";

  constructor(own: string, store: PresenceStore, putUpSignpost: PutUpSignpost, log: Log) {
    this.own = own;
    this.store = store;
    this.putUpSignpost = putUpSignpost;
    this.log = log;
  }

  start(): void {
    void this.announce();
    this.timer = setInterval(() => void this.announce(), EVERY_MS);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Of every control plane that runners may call, this one's first. */
  addresses(): string[] {
    return [this.own, ...this.others];
  }

  /** From now on this control plane decides, or no longer: runners are to find it even if it never stood by. */
  decides(isDeciding: boolean): void {
    this.isDeciding = isDeciding;
    if (isDeciding) void this.pointHere();
  }

  private async announce(): Promise<void> {
    try {
      const seen = await this.store.announce(this.own);
      this.others = seen.filter((address) => address !== this.own).sort();
    } catch (error) {
      // Postgres is away, or the tables are not made yet: what was known stays, and the next time comes soon.
      if (!(error instanceof Problem)) this.log.warn({ err: error }, "cannot tell other control planes of this one");
    }
    await this.pointHere();
  }

  /** Again and again, for it may have been written by one that did not know yet that it decides no longer. */
  private async pointHere(): Promise<void> {
    if (!this.isDeciding) return;
    const trouble = await this.putUpSignpost(this.addresses()).then(
      () => "",
      (error: unknown) => String(error),
    );
    if (trouble !== "" && trouble !== this.trouble)
      this.log.warn({ trouble }, "runners may not find this control plane");
    this.trouble = trouble;
  }
}
