import { formatInstant } from "../../domain/delta/instant.ts";
import { literal } from "../../domain/delta/schema.ts";
import { METRIC_OF, METRICS } from "../../domain/dq/metrics-table.ts";
import type { FreshnessRule, RowRule, Rule, VolumeRule } from "../../domain/dq/rule.ts";
import { isRowRule } from "../../domain/dq/rule.ts";
import {
  type Counts,
  type Judgement,
  judgeCounts,
  judgeFreshness,
  judgeVolume,
  type Volume,
} from "../../domain/dq/verdict.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { Clock } from "../ports.ts";
import type { Row } from "../query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "../snapshots.ts";
import type { RuleSet } from "./rule-set.ts";

/** How a rule is at present. */
export interface RuleState extends Judgement {
  rule: Rule;
  /** rows looked at; null for a rule that looks at none */
  counts: Counts | null;
}

/** By which rules the newest batch was counted. */
export interface Measured {
  batchId: string;
  at: string;
  /** null for a batch of a release that had no rules */
  revision: string | null;
  lowWatermark: string | null;
}

export interface RuleStates {
  states: RuleState[];
  /** null while nothing is measured */
  measured: Measured | null;
  snapshot: SnapshotStamp;
}

/** How far the dq job is behind the topic; null where that cannot be told. */
export type CaughtUp = () => Promise<boolean | null>;

/** Judges every rule over what the dq job has measured. */
export class RuleJudge {
  readonly set: RuleSet;
  private readonly snapshots: Snapshots;
  private readonly caughtUp: CaughtUp;
  private readonly clock: Clock;

  constructor(deps: { set: RuleSet; snapshots: Snapshots; caughtUp: CaughtUp; clock: Clock }) {
    this.set = deps.set;
    this.snapshots = deps.snapshots;
    this.caughtUp = deps.caughtUp;
    this.clock = deps.clock;
  }

  /** The state of every rule, in the order of the file. @throws Problem when the lake or Postgres is away */
  async present(): Promise<RuleStates> {
    // Before the tables are read: what is in them is then at least as new.
    const caughtUp = await this.caughtUp();
    const now = this.clock.now();
    return this.snapshots.read([METRICS], async (set) => {
      const snapshot = set.stamp(METRICS);
      const lowWatermark = snapshot.lowWatermark === null ? null : new Date(snapshot.lowWatermark);
      // What is behind may still get rows of the past; what is not is complete up to now.
      const through = caughtUp === true ? now : lowWatermark;
      const ageMs = caughtUp === true ? 0 : lowWatermark && now.getTime() - lowWatermark.getTime();
      const measured = await newestBatch(set);
      const [counts, volumes] = await Promise.all([
        countsOf(set, this.set.rules.filter(isRowRule), now),
        Promise.all(
          this.set.rules.filter(isVolume).map(async (rule) => [rule.id, await volumeOf(set, rule, through)] as const),
        ),
      ]);
      const volume = new Map(volumes);
      const state = (rule: Rule): RuleState => {
        if (isRowRule(rule)) return rowState(rule, counts.get(rule.id));
        if (isVolume(rule)) return { rule, counts: null, ...volumeJudgement(rule, volume.get(rule.id)) };
        return { rule, counts: null, ...judgeFreshness(rule as FreshnessRule, caughtUp === null ? null : ageMs) };
      };
      return { states: this.set.rules.map(state), measured, snapshot };
    });
  }
}

function isVolume(rule: Rule): rule is VolumeRule {
  return rule.kind === "volume";
}

function rowState(rule: RowRule, counts: Counts = { checked: 0n, failures: 0n }): RuleState {
  return { rule, counts, ...judgeCounts(rule, counts, `in the last ${formatDuration(rule.threshold.overMs)}`) };
}

function volumeJudgement(rule: VolumeRule, volume: Volume | null | undefined): Judgement {
  return volume == null ? { verdict: "unknown", detail: "nothing is measured yet" } : judgeVolume(rule, volume);
}

async function newestBatch(set: SnapshotSet): Promise<Measured | null> {
  const columns = presentColumns(set, ["dq_run_ts", "batch_id", "low_watermark", "rules_revision"]);
  const relation = set.relation(METRICS, columns);
  if (relation === undefined) return null;
  const [row] = await set.query(`SELECT * FROM ${relation} ORDER BY dq_run_ts DESC, batch_id DESC LIMIT 1`);
  if (row === undefined) return null;
  return {
    batchId: String(row.batch_id),
    at: String(row.dq_run_ts),
    revision: (row.rules_revision as string | undefined) ?? null,
    lowWatermark: row.low_watermark as string | null,
  };
}

async function countsOf(set: SnapshotSet, rules: RowRule[], now: Date): Promise<Map<string, Counts>> {
  const columns = presentColumns(set, ["dq_run_ts", "rule_checked", "rule_failures"]);
  const relation = columns.length < 3 || rules.length === 0 ? undefined : set.relation(METRICS, columns);
  if (relation === undefined) return new Map();
  const longest = Math.max(...rules.map(({ threshold }) => threshold.overMs));
  const since = rules.map(({ id, threshold }) => `(${literal(id)}, ${instant(now.getTime() - threshold.overMs)})`);
  const rows = await set.query(
    `SELECT rule.id, sum(rule_checked[rule.id])::VARCHAR AS checked, sum(rule_failures[rule.id])::VARCHAR AS failures
     FROM ${relation} JOIN (VALUES ${since.join(", ")}) AS rule(id, since) ON dq_run_ts > rule.since
     WHERE dq_run_ts > ${instant(now.getTime() - longest)} GROUP BY rule.id`,
  );
  return new Map(rows.map((row) => [String(row.id), readCounts(row)]));
}

/** Rows by the append time that their batch had reached. */
async function volumeOf(set: SnapshotSet, rule: VolumeRule, through: Date | null): Promise<Volume | null> {
  const metrics = rule.outcomes.map((outcome) => METRIC_OF[outcome]);
  const relation = set.relation(METRICS, ["dq_run_ts", "low_watermark", ...metrics]);
  if (relation === undefined || through === null) return null;
  const start = through.getTime() - rule.intervalMs;
  const before = start - rule.baselineMs;
  const sum = `sum(${metrics.join(" + ")})`;
  const [counted, first] = await Promise.all([
    set.query(
      `SELECT ${sum} FILTER (low_watermark > ${instant(start)})::VARCHAR AS rows,
         ${sum} FILTER (low_watermark <= ${instant(start)})::VARCHAR AS before
       FROM ${relation} WHERE low_watermark > ${instant(before)} AND low_watermark <= ${instant(through.getTime())}`,
    ),
    set.query(`SELECT min(dq_run_ts) <= ${instant(before)} AS covers FROM ${set.relation(METRICS, ["dq_run_ts"])}`),
  ]);
  const rows = (name: string) => BigInt((counted[0]?.[name] as string | null) ?? 0);
  return { rows: rows("rows"), baselineRows: first[0]?.covers === true ? rows("before") : null };
}

/** Those of the columns that the table has: older releases wrote fewer. */
export function presentColumns(set: SnapshotSet, wanted: string[]): string[] {
  const there = set.snapshot(METRICS)?.columns.map(({ name }) => name) ?? [];
  return wanted.filter((name) => there.includes(name));
}

export function readCounts(row: Row): Counts {
  return { checked: BigInt((row.checked as string) ?? 0), failures: BigInt((row.failures as string) ?? 0) };
}

function instant(ms: number): string {
  return `TIMESTAMPTZ ${literal(formatInstant(BigInt(ms) * 1000n))}`;
}
