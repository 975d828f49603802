import { formatInstant } from "../../domain/delta/instant.ts";
import { type Intervals, type IntervalsRequest, intervalSql, readIntervals } from "../../domain/dq/intervals.ts";
import { METRIC_OF, METRICS } from "../../domain/dq/metrics-table.ts";
import { isRowRule, type Rule } from "../../domain/dq/rule.ts";
import { type Counts, judgeCounts, rateOf, type Verdict } from "../../domain/dq/verdict.ts";
import { formatDuration } from "../../domain/duration.ts";
import { invalidRequest } from "../../domain/problem.ts";
import type { Clock } from "../ports.ts";
import type { Row } from "../query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "../snapshots.ts";
import type { RuleSet } from "./rule-set.ts";
import { presentColumns, readCounts } from "./rule-states.ts";

/** Counts as answered: exact, as texts. */
export interface CountsView {
  checked: string;
  failures: string;
  /** null where no row was looked at */
  rate: number | null;
  verdict: Verdict;
}

export interface RuleSummary {
  id: string;
  /** whether the file of rules still has it; what it does not have is not judged */
  declared: boolean;
  total: CountsView;
  intervals: (CountsView & { start: string })[];
}

export interface OutcomeSummary {
  start: string;
  batches: number;
  records: string;
  outcomes: Record<string, string>;
}

export interface QualitySummary {
  from: string;
  to: string;
  grain: string;
  rules: RuleSummary[];
  outcomes: OutcomeSummary[];
  totals: { records: string; outcomes: Record<string, string> };
  snapshot: SnapshotStamp;
}

const WITHIN = "dq_run_ts >= $from::TIMESTAMPTZ AND dq_run_ts < $to::TIMESTAMPTZ";
const OUTCOME_COLUMNS = Object.values(METRIC_OF);

/** What was measured over time, by the clock of the dq job. */
export function createQualitySummary(deps: { set: RuleSet; snapshots: Snapshots; clock: Clock }) {
  return {
    /** @throws Problem `invalid_request` */
    async summary(request: IntervalsRequest): Promise<QualitySummary> {
      const time = readIntervals(request, BigInt(deps.clock.now().getTime()) * 1000n);
      if (Array.isArray(time)) throw invalidRequest(time);
      return deps.snapshots.read([METRICS], async (set) => {
        const [outcomes, counts] = await Promise.all([outcomesOf(set, time), countsOf(set, time)]);
        return {
          from: formatInstant(time.from),
          to: formatInstant(time.to),
          grain: formatDuration(time.grainMs),
          rules: rulesOf(deps.set.rules, counts),
          outcomes,
          totals: totalOf(outcomes),
          snapshot: set.stamp(METRICS),
        };
      });
    },
  };
}

export type DataQualitySummary = ReturnType<typeof createQualitySummary>;

/** Counts with their rate and, where there is a rule to judge them by, their verdict. */
export function viewCounts(counts: Counts, rule: Rule | undefined): CountsView {
  const verdict = rule !== undefined && isRowRule(rule) ? judgeCounts(rule, counts, "").verdict : "unknown";
  return { checked: String(counts.checked), failures: String(counts.failures), rate: rateOf(counts), verdict };
}

export function sumOf(all: Counts[]): Counts {
  return all.reduce(
    (sum, { checked, failures }) => ({ checked: sum.checked + checked, failures: sum.failures + failures }),
    { checked: 0n, failures: 0n },
  );
}

interface IntervalCounts extends Counts {
  id: string;
  start: string;
}

async function countsOf(set: SnapshotSet, time: Intervals): Promise<IntervalCounts[]> {
  const columns = presentColumns(set, ["dq_run_ts", "rule_checked", "rule_failures"]);
  const relation = columns.length < 3 ? undefined : set.relation(METRICS, columns);
  if (relation === undefined) return [];
  const rows = await set.query(
    `SELECT id, ${intervalSql("dq_run_ts", time)} AS start, sum(rule_checked[id])::VARCHAR AS checked,
       sum(rule_failures[id])::VARCHAR AS failures
     FROM (SELECT *, unnest(map_keys(rule_checked)) AS id FROM ${relation} WHERE ${WITHIN}) GROUP BY ALL ORDER BY ALL`,
    bounds(time),
  );
  return rows.map((row) => ({ id: String(row.id), start: startOf(row), ...readCounts(row) }));
}

function rulesOf(rules: Rule[], counts: IntervalCounts[]): RuleSummary[] {
  const declared = rules.filter(isRowRule);
  const ids = [...new Set([...declared.map(({ id }) => id), ...counts.map(({ id }) => id)])];
  return ids.map((id) => {
    const rule = declared.find((each) => each.id === id);
    const own = counts.filter((each) => each.id === id);
    return {
      id,
      declared: rule !== undefined,
      total: viewCounts(sumOf(own), rule),
      intervals: own.map((each) => ({ start: each.start, ...viewCounts(each, rule) })),
    };
  });
}

async function outcomesOf(set: SnapshotSet, time: Intervals): Promise<OutcomeSummary[]> {
  const relation = set.relation(METRICS, ["dq_run_ts", "total_records", ...OUTCOME_COLUMNS]);
  if (relation === undefined) return [];
  const sums = OUTCOME_COLUMNS.map((name) => `sum(${name})::VARCHAR AS ${name}`).join(", ");
  const rows = await set.query(
    `SELECT ${intervalSql("dq_run_ts", time)} AS start, count(*) AS batches, sum(total_records)::VARCHAR AS records, ${sums}
     FROM ${relation} WHERE ${WITHIN} GROUP BY ALL ORDER BY start`,
    bounds(time),
  );
  return rows.map((row) => ({
    start: startOf(row),
    batches: Number(row.batches),
    records: String(row.records),
    outcomes: Object.fromEntries(OUTCOME_COLUMNS.map((name) => [name, String(row[name])])),
  }));
}

function totalOf(intervals: OutcomeSummary[]): QualitySummary["totals"] {
  const sum = (values: (string | undefined)[]) => values.reduce((total, it) => total + BigInt(it ?? 0), 0n).toString();
  return {
    records: sum(intervals.map(({ records }) => records)),
    outcomes: Object.fromEntries(OUTCOME_COLUMNS.map((name) => [name, sum(intervals.map((it) => it.outcomes[name]))])),
  };
}

function bounds({ from, to }: Intervals) {
  return { from: formatInstant(from), to: formatInstant(to) };
}

function startOf(row: Row): string {
  return formatInstant(BigInt(row.start as number));
}
