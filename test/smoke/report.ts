import type { Difference, OutcomeCounts } from "../../producer/src/oracle/comparison.ts";
import { type Expectation, OUTCOMES } from "../../producer/src/oracle/expectation.ts";
import { formatCents, parseCents } from "../../producer/src/oracle/money.ts";

const SHOWN_DIFFERENCES = 20;

/** Counts by outcome, expected beside found. */
export function outcomeTable(expected: Expectation, actual: OutcomeCounts): string {
  const rows = OUTCOMES.map((outcome) => {
    const { records, reasons } = expected.outcomes[outcome];
    const found = actual.items.find((item) => item.outcome === outcome)?.records ?? "0";
    const detail = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
    return row(outcome, String(records), found, detail.sort().join(", "));
  });
  const total = row("all", String(expected.records), actual.records, `${actual.distinctOffsets} distinct offsets`);
  return [row("outcome", "expected", "found", ""), ...rows, total].join("\n");
}

/** What was compared: windows, and the revenue in each currency. */
export function revenueTable({ windows }: Expectation, rows: number): string {
  const sums = new Map<string, { cents: bigint; events: number }>();
  for (const { currency, revenue, event_count } of windows) {
    const sum = sums.get(currency) ?? { cents: 0n, events: 0 };
    sums.set(currency, { cents: sum.cents + (parseCents(revenue) ?? 0n), events: sum.events + event_count });
  }
  const spans = new Set(windows.map((window) => window.window_start)).size;
  return [
    `${spans} windows in ${windows.length} rows expected, ${rows} found (window × plan tier × region × currency)`,
    ...[...sums]
      .sort()
      .map(([currency, { cents, events }]) => `  ${currency} ${formatCents(cents)} from ${events} events`),
  ].join("\n");
}

/** The first differences, and how many more there are. */
export function differenceList(differences: readonly Difference[]): string {
  const lines = differences
    .slice(0, SHOWN_DIFFERENCES)
    .map(({ key, expected, actual }) => `  ${key}: expected ${expected}, found ${actual}`);
  const rest = differences.length - lines.length;
  return [`${differences.length} differences:`, ...lines, ...(rest > 0 ? [`  … and ${rest} more`] : [])].join("\n");
}

function row(name: string, expected: string, found: string, detail: string): string {
  const mark = name === "outcome" || expected === found ? " " : "≠";
  return `  ${name.padEnd(12)} ${expected.padStart(10)} ${found.padStart(10)} ${mark} ${detail}`.trimEnd();
}
