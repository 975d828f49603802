import type { Alerts } from "../alerts.ts";
import type { Clock } from "../ports.ts";
import { CHECK_KEY } from "./line-alarms.ts";

/** A report that is older says little of now. */
export const STALE_MS = 5 * 60_000;

/** Knows when a check succeeded last, and alarms when that is too long ago: a report that stays as it was looks like good news. */
export class Freshness {
  private readonly alerts: Pick<Alerts, "observe">;
  private readonly clock: Clock;
  private since: Date;
  /** why the newest attempt failed; null after one that succeeded */
  error: string | null = null;

  constructor(alerts: Pick<Alerts, "observe">, clock: Clock) {
    this.alerts = alerts;
    this.clock = clock;
    this.since = clock.now();
  }

  /** Another control plane may have checked until now. */
  begin(): void {
    this.since = this.clock.now();
    this.error = null;
  }

  async succeeded(): Promise<void> {
    this.begin();
    await this.observe(false, "The tables are being compared again.");
  }

  failed(error: unknown): void {
    this.error = error instanceof Error ? error.message : String(error);
  }

  /** Alarms where it is time to; also of a check that never ends. */
  async look(): Promise<void> {
    const age = this.clock.now().getTime() - this.since.getTime();
    if (age < STALE_MS) return;
    const why = this.error ?? "the check that runs has not ended";
    await this.observe(true, `No check has succeeded since ${this.since.toISOString()}: ${why}`);
  }

  private observe(failing: boolean, detail: string): Promise<void> {
    return this.alerts.observe({
      key: CHECK_KEY,
      severity: "critical",
      title: "Reconciliation: the tables cannot be compared",
      detail,
      subjects: [],
      failing,
    });
  }
}
