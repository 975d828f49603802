import type { Report } from "../../domain/reconciliation/report.ts";

/** While something is wrong, everything is counted at the next check, and then less often; never so seldom that a report is stale. */
const FIRST_WAIT_MS = 2 * 60_000;
const LONGEST_WAIT_MS = 4 * 60_000;
/** Recounts that people ask for take no more than a tenth of the time, and wait no longer than this. */
const BETWEEN_RECOUNTS = 10;
const LONGEST_BETWEEN_MS = 60_000;

/** How often everything is counted: it takes long where there are many rows. */
export class Pace {
  private newest: { at: number; ms: number } | null = null;
  /** while something is wrong: when everything is counted again, and how long that is put off by then */
  private next = 0;
  private waitMs = FIRST_WAIT_MS;

  counted({ verdict, durationMs }: Report, now: Date): void {
    const at = now.getTime();
    this.newest = { at, ms: durationMs };
    const isWrong = verdict === "failed";
    this.next = isWrong ? at + this.waitMs : 0;
    this.waitMs = isWrong ? Math.min(2 * this.waitMs, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
  }

  /** Whether it is time to count everything because something was wrong. */
  isDue(now: Date): boolean {
    return now.getTime() >= this.next;
  }

  /** Whether everything was counted so recently that who asks for it gets the newest report. */
  isRecent(now: Date): boolean {
    if (this.newest === null) return false;
    const { at, ms } = this.newest;
    return now.getTime() - at < Math.min(BETWEEN_RECOUNTS * ms, LONGEST_BETWEEN_MS);
  }
}
