/** What is counted as it happens; everything else is read when somebody asks (vitals.ts). */
export interface Meter {
  /** @param durationsMs milliseconds by phase, as Spark names them */
  batch(job: string, durationsMs: Record<string, number>): void;
  reconciled(seconds: number, ok: boolean): void;
  synced(result: SyncResult): void;
  /** @param route the pattern, never the URL: every value is a series of its own */
  request(method: string, route: string, status: number, seconds: number): void;
}

export const SYNC_RESULTS = ["accepted", "superseded", "not_ready"] as const;
export type SyncResult = (typeof SYNC_RESULTS)[number];

export interface Metrics extends Meter {
  /** All metrics in Prometheus' text format; never fails. */
  page(): Promise<{ contentType: string; text: string }>;
}
