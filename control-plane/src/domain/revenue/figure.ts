/** The revenue of one window, plan tier, region and currency. */
export interface Figure {
  /** ISO-8601 */
  window_start: string;
  window_end: string;
  plan_tier: string;
  region: string;
  currency: string;
  /** exact, two digits */
  revenue: string;
  /** a text where a number would not be exact */
  event_count: number | string;
}
