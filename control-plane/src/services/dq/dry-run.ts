import { formatInstant } from "../../domain/delta/instant.ts";
import { type Intervals, intervalSql, readIntervals } from "../../domain/dq/intervals.ts";
import { isRowRule, type RowRule, type Rule, wireRule } from "../../domain/dq/rule.ts";
import { columnsOf, ruleSql } from "../../domain/dq/rule-sql.ts";
import { parseRule, parseRules, RulesError } from "../../domain/dq/rules-file.ts";
import type { Counts } from "../../domain/dq/verdict.ts";
import { formatDuration } from "../../domain/duration.ts";
import { invalidRequest } from "../../domain/problem.ts";
import type { Clock } from "../ports.ts";
import type { Row } from "../query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "../snapshots.ts";
import { type RuleSet, ruleSet } from "./rule-set.ts";
import { type CountsView, sumOf, viewCounts } from "./summary.ts";

export interface DryRunRequest {
  /** one rule, in the form of the file */
  rule?: unknown;
  /** a whole file of rules, as text of YAML */
  file?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  grain?: string | undefined;
}

/** What the given rule counts beside what the present one counts, null where there is none. */
export interface SideBySide {
  given: CountsView | null;
  present: CountsView | null;
}

export interface CheckedRule {
  id: string;
  change: "new" | "changed" | "unchanged" | "removed";
  /** why nothing was counted; null where it was */
  note: string | null;
  total: SideBySide;
  intervals: (SideBySide & { start: string })[];
}

export interface DryRunAnswer {
  from: string;
  to: string;
  grain: string;
  revision: { given: string; present: string };
  items: CheckedRule[];
  snapshot: SnapshotStamp;
}

const SILVER = "silver.sales_events";
const NOT_COUNTED = "It is judged over what was measured, not over rows: only its form was checked.";

/** Tries rules over the rows of the live silver table. Nothing is kept, and no job is asked. */
export class DryRun {
  private readonly set: RuleSet;
  private readonly snapshots: Snapshots;
  private readonly clock: Clock;

  constructor(deps: { set: RuleSet; snapshots: Snapshots; clock: Clock }) {
    this.set = deps.set;
    this.snapshots = deps.snapshots;
    this.clock = deps.clock;
  }

  /** @throws Problem `invalid_request` naming each field of a rule that is wrong; `dependency_unavailable` when it takes too long */
  async check(request: DryRunRequest): Promise<DryRunAnswer> {
    const given = readRules(request);
    const time = readIntervals(request, BigInt(this.clock.now().getTime()) * 1000n, "body.");
    if (Array.isArray(time)) throw invalidRequest(time);
    const pairs = this.pairs(given, request.file !== undefined);
    return this.snapshots.read([SILVER], async (set) => ({
      from: formatInstant(time.from),
      to: formatInstant(time.to),
      grain: formatDuration(time.grainMs),
      revision: { given: this.revisionWith(given, request.file !== undefined), present: this.set.revision },
      items: sideBySide(pairs, await count(set, pairs, time)),
      snapshot: set.stamp(SILVER),
    }));
  }

  private pairs(given: Rule[], isWhole: boolean): Pair[] {
    const present = (id: string) => this.set.rules.find((rule) => rule.id === id);
    const removed = isWhole ? this.set.rules.filter(({ id }) => !given.some((rule) => rule.id === id)) : [];
    return [
      ...given.map((rule) => ({ id: rule.id, given: rule, present: present(rule.id) })),
      ...removed.map((rule) => ({ id: rule.id, given: undefined, present: rule })),
    ];
  }

  private revisionWith(given: Rule[], isWhole: boolean): string {
    if (isWhole) return ruleSet(given).revision;
    const [rule] = given;
    const replaced = this.set.rules.map((each) => (rule !== undefined && each.id === rule.id ? rule : each));
    const isNew = rule !== undefined && !replaced.includes(rule);
    return ruleSet(isNew ? [...replaced, rule] : replaced).revision;
  }
}

interface Pair {
  id: string;
  given: Rule | undefined;
  present: Rule | undefined;
}

function readRules({ rule, file }: DryRunRequest): Rule[] {
  if ((rule === undefined) === (file === undefined)) {
    throw invalidRequest([{ field: "body.rule", expected: "either a rule, or a file of rules as text, and not both" }]);
  }
  try {
    return file === undefined ? [parseRule(rule)] : parseRules(file);
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    const within = file === undefined ? "body.rule" : "body.file";
    throw invalidRequest(
      error.complaints.map(({ path, value, expected }) => ({
        field: path === "document" ? within : `${within}.${path}`,
        value,
        expected,
      })),
    );
  }
}

/** Every rule of every pair in one pass. */
async function count(set: SnapshotSet, pairs: Pair[], time: Intervals): Promise<Row[]> {
  const rules = rowRules(pairs);
  const columns = new Set(["kafka_timestamp", ...rules.flatMap(({ rule }) => columnsOf(wireRule(rule)))]);
  const relation = rules.length === 0 ? undefined : set.relation(SILVER, [...columns]);
  if (relation === undefined) return [];
  const counts = rules.map(({ name, rule }) => {
    const { checked, failed } = ruleSql(wireRule(rule));
    return `count(*) FILTER (${checked}) AS checked_${name}, count(*) FILTER (${checked} AND ${failed}) AS failures_${name}`;
  });
  return set.query(
    `SELECT ${intervalSql("kafka_timestamp", time)} AS start, ${counts.join(", ")} FROM ${relation}
     WHERE kafka_timestamp >= $from::TIMESTAMPTZ AND kafka_timestamp < $to::TIMESTAMPTZ GROUP BY start ORDER BY start`,
    { from: formatInstant(time.from), to: formatInstant(time.to) },
  );
}

function rowRules(pairs: Pair[]): { name: string; rule: RowRule }[] {
  return pairs.flatMap(({ given, present }, n) =>
    [
      { name: `given_${n}`, rule: given },
      { name: `present_${n}`, rule: present },
    ].filter((each): each is { name: string; rule: RowRule } => each.rule !== undefined && isRowRule(each.rule)),
  );
}

function sideBySide(pairs: Pair[], rows: Row[]): CheckedRule[] {
  return pairs.map(({ id, given, present }, n) => {
    const countsOf = (row: Row, side: string): Counts => ({
      checked: BigInt(row[`checked_${side}_${n}`] as number | string),
      failures: BigInt(row[`failures_${side}_${n}`] as number | string),
    });
    const side = (rule: Rule | undefined, name: string, of: Row[]): CountsView | null =>
      rule !== undefined && isRowRule(rule) ? viewCounts(sumOf(of.map((row) => countsOf(row, name))), rule) : null;
    const both = (of: Row[]): SideBySide => ({
      given: side(given, "given", of),
      present: side(present, "present", of),
    });
    const counted = [given, present].some((rule) => rule !== undefined && isRowRule(rule));
    return {
      id,
      change: changeOf(given, present),
      note: counted ? null : NOT_COUNTED,
      total: both(rows),
      intervals: counted
        ? rows.map((row) => ({ start: formatInstant(BigInt(row.start as number)), ...both([row]) }))
        : [],
    };
  });
}

function changeOf(given: Rule | undefined, present: Rule | undefined): CheckedRule["change"] {
  if (given === undefined) return "removed";
  if (present === undefined) return "new";
  return JSON.stringify(given) === JSON.stringify(present) ? "unchanged" : "changed";
}
