import type { Decoder, RawRecord, UndecodableReason } from "./decode.ts";
import { formatCents } from "./money.ts";
import { type Aliases, type InvalidReason, type ValidEvent, validate } from "./rules.ts";
import { formatTimestamp } from "./timestamp.ts";

export const OUTCOMES = ["accepted", "duplicate", "late", "future", "undecodable", "invalid"] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type Reason = UndecodableReason | InvalidReason;

/** What of the pipeline's parameters decides outcomes and windows; durations in milliseconds. */
export interface Rules {
  windowMs: number;
  allowedLatenessMs: number;
  allowedSkewMs: number;
  aliases?: Aliases;
  /** other rules for some records: those of the first that has one hold */
  bounded?: readonly Stretch[];
}

/** Records from some offsets (null: from the first) up to some others, by partition. */
export interface Stretch {
  from: Record<string, string> | null;
  to: Record<string, string>;
  rules: Partial<Pick<Rules, "allowedLatenessMs" | "allowedSkewMs" | "aliases">>;
}

/** A row of revenue; timestamps ISO-8601 UTC, revenue a decimal with two places. */
export interface RevenueWindow {
  window_start: string;
  window_end: string;
  plan_tier: string;
  region: string;
  currency: string;
  revenue: string;
  event_count: number;
}

/** What the pipeline must answer for a topic once it has read all of it. */
export interface Expectation {
  records: number;
  outcomes: Record<Outcome, { records: number; reasons: Partial<Record<Reason, number>> }>;
  /** sorted by window, plan tier, region and currency */
  windows: RevenueWindow[];
}

/** A refused record that people let in: its place, and the event's fields that were replaced. */
export interface AppliedOverride {
  partition: number;
  offset: string;
  set: Record<string, string | number>;
}

type Verdict =
  | { outcome: "undecodable" | "invalid" | "late" | "future"; reasons: Reason[] }
  | { candidate: ValidEvent };

/**
 * Applies docs/contracts.md §5 to all records of a topic, in any order.
 * @param overrides those that were applied: such a record counts as what it was let in as
 */
export function expectationOf(
  records: Iterable<RawRecord>,
  decode: Decoder,
  rules: Rules,
  overrides: readonly AppliedOverride[] = [],
): Expectation {
  const letIn = new Map(overrides.map((override) => [`${override.partition}/${override.offset}`, override]));
  const expectation: Expectation = { records: 0, outcomes: noOutcomes(), windows: [] };
  const candidates: { record: RawRecord; event: ValidEvent; isLetIn: boolean }[] = [];
  for (const record of records) {
    expectation.records += 1;
    const override = letIn.get(`${record.partition}/${record.offset}`);
    const verdict = judge(record, decode, rulesFor(record, rules), override);
    if ("candidate" in verdict) candidates.push({ record, event: verdict.candidate, isLetIn: override !== undefined });
    else count(expectation, verdict.outcome, verdict.reasons);
  }

  // An override is applied only where no copy was accepted before: those that come after it are duplicates.
  candidates.sort((a, b) => Number(b.isLetIn) - Number(a.isLetIn) || compareRecords(a.record, b.record));
  const accepted = new Map<string, ValidEvent>();
  for (const { event } of candidates) {
    const isCopy = accepted.has(event.eventId);
    if (!isCopy) accepted.set(event.eventId, event);
    count(expectation, isCopy ? "duplicate" : "accepted", []);
  }
  expectation.windows = sumWindows(accepted.values(), BigInt(rules.windowMs) * 1000n);
  return expectation;
}

function rulesFor({ partition, offset }: RawRecord, { bounded = [], ...rules }: Rules): Rules {
  let found: Rules = rules;
  for (const stretch of bounded.toReversed()) {
    const first = BigInt(stretch.from?.[partition] ?? 0);
    if (offset >= first && offset < BigInt(stretch.to[partition] ?? 0)) found = { ...found, ...stretch.rules };
  }
  return found;
}

/** Everything that a record's outcome depends on but for the records before it. */
function judge(record: RawRecord, decode: Decoder, rules: Rules, override?: AppliedOverride): Verdict {
  const decoded = decode(record.value);
  if ("undecodable" in decoded) return { outcome: "undecodable", reasons: [decoded.undecodable] };
  const { amount, ...others } = override?.set ?? {};
  const validated = validate({ ...decoded.event, ...others }, amount ?? decoded.event.amount, rules.aliases);
  if ("invalid" in validated) return { outcome: "invalid", reasons: validated.invalid };
  if (override !== undefined) return { candidate: validated.event };
  const age = record.timestampMs * 1000n - validated.event.eventTime;
  if (age > BigInt(rules.allowedLatenessMs) * 1000n) return { outcome: "late", reasons: [] };
  if (-age > BigInt(rules.allowedSkewMs) * 1000n) return { outcome: "future", reasons: [] };
  return { candidate: validated.event };
}

function compareRecords(a: RawRecord, b: RawRecord): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs < b.timestampMs ? -1 : 1;
  if (a.partition !== b.partition) return a.partition - b.partition;
  return a.offset < b.offset ? -1 : 1;
}

function sumWindows(events: Iterable<ValidEvent>, windowMicros: bigint): RevenueWindow[] {
  const sums = new Map<string, { start: bigint; event: ValidEvent; cents: bigint; events: number }>();
  for (const event of events) {
    const intoWindow = ((event.eventTime % windowMicros) + windowMicros) % windowMicros;
    const start = event.eventTime - intoWindow;
    const key = [formatTimestamp(start), event.planTier, event.region, event.currency].join(" ");
    const sum = sums.get(key) ?? { start, event, cents: 0n, events: 0 };
    sums.set(key, { ...sum, cents: sum.cents + event.cents, events: sum.events + 1 });
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { start, event, cents, events }]) => ({
      window_start: formatTimestamp(start),
      window_end: formatTimestamp(start + windowMicros),
      plan_tier: event.planTier,
      region: event.region,
      currency: event.currency,
      revenue: formatCents(cents),
      event_count: events,
    }));
}

function noOutcomes(): Expectation["outcomes"] {
  const none = () => ({ records: 0, reasons: {} });
  return {
    accepted: none(),
    duplicate: none(),
    late: none(),
    future: none(),
    undecodable: none(),
    invalid: none(),
  };
}

function count(expectation: Expectation, outcome: Outcome, reasons: Reason[]): void {
  const entry = expectation.outcomes[outcome];
  entry.records += 1;
  for (const reason of reasons) entry.reasons[reason] = (entry.reasons[reason] ?? 0) + 1;
}
