import { createHash } from "node:crypto";
import type { AnsweredWindow, OutcomeCounts } from "../../producer/src/oracle/comparison.ts";

/** Everything that REST answers about revenue and outcomes, but for when and how often it was computed, in one short text. */
export function digestOf(windows: readonly AnsweredWindow[], outcomes: OutcomeCounts): string {
  const rows = windows.map(({ window_start, window_end, plan_tier, region, currency, revenue, event_count }) =>
    [window_start, window_end, plan_tier, region, currency, revenue, event_count].join(" "),
  );
  const counts = outcomes.items.map(({ outcome, records, reasons }) =>
    [
      outcome,
      records,
      ...Object.entries(reasons)
        .map(([reason, count]) => `${reason}=${count}`)
        .sort(),
    ].join(" "),
  );
  const text = [...rows.sort(), ...counts.sort()].join("\n");
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
