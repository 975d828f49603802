import type { Severity } from "../alert.ts";

/** What becomes of a record, in the order in which the contract decides. */
export const OUTCOMES = ["accepted", "duplicate", "late", "future", "undecodable", "invalid"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const ROW_KINDS = ["completeness", "domain", "range", "latency", "uniqueness", "schemaVersion"] as const;
export const RULE_KINDS = [...ROW_KINDS, "volume", "freshness"] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

interface RuleBase {
  id: string;
  /** what is wrong when it is breached, in a sentence */
  description: string;
  severity: Severity;
}

/** What a rule looks at in a row, and when the row fails. Null is no value: only completeness minds it. */
export type RowCheck =
  /** fails where one of the columns has no value */
  | { kind: "completeness"; columns: string[] }
  /** fails where the value is none of these */
  | { kind: "domain"; column: string; allowed: string[] }
  /** fails where the number is below `min` or above `max`: exact decimals, null for no limit */
  | { kind: "range"; column: string; min: string | null; max: string | null }
  /** fails where `to` is later than `from` by more than the SLA */
  | { kind: "latency"; from: string; to: string; slaMs: number }
  /** fails where an accepted row has had the same value before: what the pipeline calls a duplicate */
  | { kind: "uniqueness"; column: "event_id" }
  /** fails where the event's schema_version is none of these, or missing */
  | { kind: "schemaVersion"; versions: number[] };

/** Which rows a rule looks at. */
export interface RowScope {
  outcomes: Outcome[];
  /** only rows whose column has one of these values */
  when: Record<string, string[]>;
}

/** How many rows may fail: a share of those that were looked at, or a number. */
export interface Threshold {
  rate: number | null;
  count: number | null;
  /** the batches of so much time are judged together */
  overMs: number;
  /** with fewer rows than these a rate says nothing */
  leastRows: number;
}

/** Counts rows in the dq job, in one pass over each batch, and is judged over its metrics. */
export type RowRule = RuleBase & RowCheck & RowScope & { threshold: Threshold };

/** Judges how many rows came, against the average before. */
export interface VolumeRule extends RuleBase {
  kind: "volume";
  outcomes: Outcome[];
  intervalMs: number;
  /** the time before the interval that it is compared with */
  baselineMs: number;
  /** of the average; null for no limit */
  leastRatio: number | null;
  mostRatio: number | null;
}

/** Judges how old the oldest record is that has not been measured. */
export interface FreshnessRule extends RuleBase {
  kind: "freshness";
  maxAgeMs: number;
}

export type Rule = RowRule | VolumeRule | FreshnessRule;

export function isRowRule(rule: Rule): rule is RowRule {
  return rule.kind !== "volume" && rule.kind !== "freshness";
}

/** What the dq job is handed of a rule: what it counts, not how that is judged. */
export type WireRule = { id: string; sampled: boolean } & RowCheck & RowScope;

export function wireRule(rule: RowRule): WireRule {
  const { description: _, severity, threshold: __, ...wire } = rule;
  // Good events fail rules for information in nearly every batch: samples of them would cost one more commit each time.
  return { ...wire, sampled: severity !== "info" };
}
