import type { StackProcess } from "../../infra/local/src/leftovers.ts";
import { livingLaunch } from "./launches.ts";
import { anyAlive, killDrivers } from "./spark-driver.ts";
import type { Stack } from "./stack.ts";
import { waitFor } from "./wait-for.ts";

/**
 * Five drivers within ten minutes that lived for less than a minute each are a crash loop, in which Penstock rightly
 * gives up. So where a kill would be the fifth, it waits until the driver has lived for long enough.
 */
const CRASH_LOOP = { drivers: 5, withinMs: 620_000, shortLifeMs: 60_000, margin: 1_500 };

/** How long may be waited, in milliseconds, and what ends the waiting. */
export interface Patience {
  timeout: number;
  signal: AbortSignal;
}

/** The drivers of a stack, which are killed one after the other, each so late that no crash loop comes of it. */
export class MortalDrivers {
  private readonly stack: Stack;
  private readonly patience: Patience;
  /** the launch that was killed last */
  private killed: string | null = null;
  /** when drivers were killed that had lived for less than a minute */
  private readonly short: number[] = [];

  constructor(stack: Stack, patience: Patience) {
    this.stack = stack;
    this.patience = patience;
  }

  /** Waits as long as one more short life would be a crash loop. */
  async mayDie(): Promise<void> {
    await waitFor(
      async () => {
        const recent = this.short.filter((at) => at > Date.now() - CRASH_LOOP.withinMs).length;
        if (recent < CRASH_LOOP.drivers - 1) return true;
        const driver = await this.living();
        // The one that was killed a moment ago is not known to be dead yet, and is old enough: it is its successor's age that counts.
        if (driver === null || driver.launch === this.killed) return { pending: "no new driver yet" };
        return driver.age >= CRASH_LOOP.shortLifeMs + CRASH_LOOP.margin || { pending: `${driver.age} ms old` };
      },
      { ...this.patience, what: "the driver to have lived for a minute", interval: 200 },
    );
  }

  /**
   * Kills what lives with SIGKILL.
   * @throws when there is no driver
   */
  async kill(): Promise<StackProcess[]> {
    // The control plane may be dead itself: then the driver's life counts as a short one.
    const driver = await this.living().catch(() => null);
    const killed = killDrivers(this.stack.stateDir);
    this.killed = driver?.launch ?? null;
    if (driver === null || driver.age < CRASH_LOOP.shortLifeMs) this.short.push(Date.now());
    return killed;
  }

  async gone(killed: readonly StackProcess[]): Promise<void> {
    await waitFor(async () => (anyAlive(killed) ? { pending: "still there" } : true), {
      timeout: 10_000,
      what: "the killed processes to be gone",
      interval: 20,
      signal: this.patience.signal,
    });
  }

  /** What lives, as REST says, and for how many milliseconds it has called; null when nothing has called yet. */
  private async living(): Promise<{ launch: string; age: number } | null> {
    const living = await livingLaunch(this.stack.rest);
    if (!living?.lastSyncAt) return null;
    return { launch: living.id, age: Date.parse(living.lastSyncAt) - Date.parse(living.adoptedAt) };
  }
}
