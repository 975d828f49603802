import { type Expectation, OUTCOMES, type RevenueWindow } from "./expectation.ts";
import { parseCents } from "./money.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

/** One figure that is not what the oracle expects. */
export interface Difference {
  /** what is meant, as a user would point at it */
  key: string;
  expected: string;
  actual: string;
}

/** Counts by outcome, as `GET /v1/audit/outcomes` answers them. */
export interface OutcomeCounts {
  items: { outcome: string; records: string; reasons: Record<string, number | string> }[];
  records: string;
  distinctOffsets: string;
}

/** A row of `GET /v1/revenue/windows`: a count that JSON numbers cannot hold comes as a string. */
export type AnsweredWindow = Omit<RevenueWindow, "event_count"> & { event_count: number | string };

/**
 * Compares every window × plan tier × region × currency: revenue to the cent, and the number of events.
 * A window that is missing, unexpected or answered twice is a difference, too.
 */
export function compareWindows(expected: readonly RevenueWindow[], actual: readonly AnsweredWindow[]): Difference[] {
  const open = new Map(expected.map((window) => [keyOf(window), window]));
  const seen = new Set<string>();
  const differences: Difference[] = [];
  for (const window of actual) {
    const key = keyOf(window);
    const counterpart = open.get(key);
    if (seen.has(key)) differences.push({ key, expected: "one row", actual: `another row: ${figuresOf(window)}` });
    else if (counterpart === undefined) differences.push({ key, expected: "no row", actual: figuresOf(window) });
    else if (!isSame(counterpart, window)) {
      differences.push({ key, expected: figuresOf(counterpart), actual: figuresOf(window) });
    }
    seen.add(key);
  }
  for (const [key, window] of open) {
    if (!seen.has(key)) differences.push({ key, expected: figuresOf(window), actual: "no row" });
  }
  return differences;
}

/** Compares records by outcome and by reason, and that each record of the topic was counted once. */
export function compareOutcomes(expected: Expectation, actual: OutcomeCounts): Difference[] {
  const differences: Difference[] = [];
  const check = (key: string, wanted: number, found: number | string) => {
    if (String(wanted) !== String(found)) {
      differences.push({ key, expected: String(wanted), actual: String(found) });
    }
  };
  check("records", expected.records, actual.records);
  check("distinct offsets", expected.records, actual.distinctOffsets);
  for (const outcome of OUTCOMES) {
    const wanted = expected.outcomes[outcome];
    const found = actual.items.find((item) => item.outcome === outcome);
    check(outcome, wanted.records, found?.records ?? 0);
    const foundReasons = found?.reasons ?? {};
    for (const reason of new Set([...Object.keys(wanted.reasons), ...Object.keys(foundReasons)])) {
      check(
        `${outcome} ${reason}`,
        wanted.reasons[reason as keyof typeof wanted.reasons] ?? 0,
        foundReasons[reason] ?? 0,
      );
    }
  }
  for (const { outcome, records } of actual.items) {
    if (!(OUTCOMES as readonly string[]).includes(outcome)) check(outcome, 0, records);
  }
  return differences;
}

function keyOf(window: AnsweredWindow): string {
  const { window_start, window_end, plan_tier, region, currency } = window;
  return `${moment(window_start)}/${moment(window_end)} ${plan_tier} ${region} ${currency}`;
}

/** The same moment is written with and without a fraction of the second by different programs. */
function moment(text: string): string {
  const micros = parseTimestamp(text);
  return micros === undefined ? `unreadable '${text}'` : formatTimestamp(micros);
}

function isSame(expected: RevenueWindow, actual: AnsweredWindow): boolean {
  return (
    parseCents(expected.revenue) === parseCents(actual.revenue) &&
    String(expected.event_count) === String(actual.event_count)
  );
}

function figuresOf({ revenue, event_count }: AnsweredWindow): string {
  return `${revenue} from ${event_count} events`;
}
