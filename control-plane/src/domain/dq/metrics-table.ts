import type { Outcome } from "./rule.ts";

/** The table in which the dq job measures each batch of silver. */
export const METRICS = "dq.revenue_5m.metrics";

/** Column of the metrics by the outcome that it counts. */
export const METRIC_OF: Record<Outcome, string> = {
  accepted: "accepted",
  duplicate: "duplicates",
  late: "late",
  future: "future",
  undecodable: "undecodable",
  invalid: "invalid",
};
