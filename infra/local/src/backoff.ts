/** Waiting times between restarts, growing up to a limit, and forgotten after a time of health. Milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
  /** How long a service must have lived for its failures to be forgotten. */
  readonly healthyAfterMs: number;
}

/** What suits services that take some seconds to start. */
export const STANDARD_BACKOFF: Backoff = { firstMs: 500, mostMs: 30_000, healthyAfterMs: 60_000 };

/** The wait before the next start, after that many failures in a row (1 for the first). */
export function waitAfter(failures: number, backoff: Backoff): number {
  return Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(failures - 1, 20));
}
