import { parseInstant } from "../../domain/delta/instant.ts";
import type { OffsetVector } from "../../domain/delta/ledger-entry.ts";
import { DIMENSIONS, type Dimension } from "../../domain/revenue/dimensions.ts";
import { whyRefused } from "../../domain/revenue/refusal.ts";
import { type GenerationRules, rulesAt } from "../../domain/specs/rules.ts";
import type { CursorKey, CursorPart } from "../cursor.ts";
import type { Parameters, Row } from "../query-engine.ts";
import type { SnapshotSet } from "../snapshots.ts";

export const SILVER = "silver.sales_events";

/** The window and the values whose records are looked for. */
export interface FigureKey extends Record<Dimension, string> {
  window_start: string;
  window_end: string;
}

/** A record that belongs to a figure: one that it is the sum of, or one that was refused and would have been. */
export interface RecordOfFigure extends Record<Dimension, string | null> {
  /** `accepted`: counted */
  outcome: string;
  event_id: string | null;
  event_type: string | null;
  event_time: string;
  amount: string | null;
  topic: string;
  partition: number;
  offset: string;
  kafka_timestamp: string;
  /** number of the override that let it in; null for all others */
  override: string | null;
  reasons: string[];
  /** which of its values are missing or outside of their domain, so that it may have belonged to another figure */
  unknown: Dimension[];
  /** why it was not counted, as a sentence; null where it was */
  why: string | null;
}

export interface FoundRecords {
  /** how many there are in all, by outcome, zeros included */
  outcomes: Record<string, string>;
  /** what the counted ones add up to */
  accepted: { revenue: string; event_count: string };
  /** counted ones first, then as they were appended */
  items: RecordOfFigure[];
  /** the sort key of the last record, when there are more */
  last: CursorKey | undefined;
}

/** Of an undecodable record nobody can say which figure it belongs to. */
const OUTCOMES = ["accepted", "duplicate", "late", "future", "invalid"];

export const RECORD_CURSOR: CursorPart[] = ["integer", "instant", "text", "integer", "bigint", "bigint"];

const COLUMNS = [
  ...["outcome", "reasons", "event_id", "event_type", "event_time", "plan_tier", "region", "currency", "amount"],
  ...["topic", "partition", "offset", "kafka_timestamp", "override"],
];
/** Records that were counted first; then as they were appended. A record that was let in has two rows. */
const ORDER = `rank, kafka_timestamp, topic, partition, "offset", let_in`;

/** By which records are refused for their times, in one stretch of the topic or another. */
type RefusingRules = GenerationRules & { allowedLatenessMs: number; allowedSkewMs: number };

/** The records of one figure in silver: those that were counted, and those that would have been. */
export class Records {
  private readonly set: SnapshotSet;
  private readonly sql: string | undefined;
  private readonly parameters: Parameters;

  /** @param through only records before these offsets: the others have not been counted yet */
  constructor(set: SnapshotSet, figure: FigureKey, through: OffsetVector) {
    this.set = set;
    const { window_start, window_end, ...values } = figure;
    this.parameters = { start: window_start, end: window_end, ...values };
    this.sql = recordsSql(set, through, this.parameters);
  }

  /** Some of the records, and what all of them add up to: in one query, since each looks through all files of the table. */
  async read(limit: number, after: CursorKey | undefined, rules: RefusingRules): Promise<FoundRecords> {
    const parameters: Parameters = { ...this.parameters, limit: limit + 1 };
    const names = ["rank", "time", "topic", "partition", "offset", "let_in"];
    names.forEach((name, at) => {
      if (after !== undefined) parameters[`after_${name}`] = after[at] as string | number;
    });
    const where =
      after === undefined
        ? ""
        : `WHERE (${ORDER}) > ($after_rank::INTEGER, $after_time::TIMESTAMPTZ, $after_topic, $after_partition::INTEGER, $after_offset::BIGINT, $after_let_in::BIGINT)`;
    const rows = await this.query(
      `WITH records AS MATERIALIZED ${this.sql}
       SELECT outcomes, page.* FROM
         (SELECT list({outcome: outcome, records: records, revenue: revenue} ORDER BY outcome) AS outcomes FROM
           (SELECT outcome, count(*)::VARCHAR AS records, coalesce(sum(amount), 0)::DECIMAL(38, 2)::VARCHAR AS revenue FROM records GROUP BY outcome))
         LEFT JOIN (SELECT * FROM records ${where} ORDER BY ${ORDER} LIMIT $limit) AS page ON true
       ORDER BY ${ORDER}`,
      parameters,
    );
    const outcomes = (rows[0]?.outcomes ?? []) as unknown as { outcome: string; records: string; revenue: string }[];
    const accepted = outcomes.find(({ outcome }) => outcome === "accepted");
    // Without a record the join has one row, of nothing.
    const found = rows.filter(({ rank }) => rank !== null);
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    const key = (row: Row): CursorKey =>
      [row.rank, row.kafka_timestamp, row.topic, row.partition, String(row.offset), row.let_in] as CursorKey;
    return {
      outcomes: Object.fromEntries(
        OUTCOMES.map((name) => [name, outcomes.find(({ outcome }) => outcome === name)?.records ?? "0"]),
      ),
      accepted: { revenue: accepted?.revenue ?? "0.00", event_count: accepted?.records ?? "0" },
      items: page.map((row) => recordOf(row, rules)),
      last: last && key(last),
    };
  }

  private async query(sql: string, parameters: Parameters): Promise<Row[]> {
    return this.sql === undefined ? [] : this.set.query(sql, parameters);
  }
}

function recordsSql(set: SnapshotSet, through: OffsetVector, parameters: Parameters): string | undefined {
  const known = set.snapshot(SILVER)?.columns.map(({ name }) => name) ?? [];
  const columns = COLUMNS.filter((name) => known.includes(name));
  const accepted = set.relation(SILVER, columns, ({ outcome }) => outcome === "accepted");
  const others = set.relation(SILVER, columns, ({ outcome }) => outcome !== "accepted");
  if (accepted === undefined || others === undefined) return undefined;
  const names = Object.keys(DIMENSIONS) as Dimension[];
  const same = names.map((name) => `${name} = $${name}`);
  // What a value was meant to be cannot be told of one that is missing or none of the domain.
  const possible = names.map((name) => `(${name} = $${name} OR ${unknownSql(name)})`);
  // A release before overrides made a table without the column.
  const override = columns.includes("override") ? "override" : "NULL::BIGINT";
  const times = "event_time >= $start::TIMESTAMPTZ AND event_time < $end::TIMESTAMPTZ";
  const counted = `(${countedSql(through, parameters)} OR ${override} IS NOT NULL)`;
  const select = (rank: number) =>
    `SELECT ${columns.map((name) => `"${name}"`).join(", ")}, ${rank} AS rank, coalesce(${override}, -1) AS let_in`;
  return `(${select(0)} FROM ${accepted} WHERE ${[times, ...same, counted].join(" AND ")}
    UNION ALL ${select(1)} FROM ${others} WHERE ${[times, ...possible, counted].join(" AND ")})`;
}

function unknownSql(name: Dimension): string {
  const domain = DIMENSIONS[name].map((value) => `'${value}'`).join(", ");
  return `${name} IS NULL OR ${name} NOT IN (${domain})`;
}

/** A condition that holds for records before the offsets. */
function countedSql(through: OffsetVector, parameters: Parameters): string {
  const topics = Object.entries(through).map(([topic, partitions], at) => {
    parameters[`topic_${at}`] = topic;
    const bounds = Object.entries(partitions).map(([partition, offset]) => {
      const name = `through_${at}_${partition}`;
      parameters[name] = BigInt(offset);
      return `(partition = ${Number(partition)} AND "offset" < $${name}::BIGINT)`;
    });
    return `(topic = $topic_${at} AND (${bounds.join(" OR ") || "false"}))`;
  });
  return topics.length === 0 ? "false" : `(${topics.join(" OR ")})`;
}

function recordOf(row: Row, rules: RefusingRules): RecordOfFigure {
  const names = Object.keys(DIMENSIONS) as Dimension[];
  const domains: Record<Dimension, readonly string[]> = DIMENSIONS;
  const { outcome, event_id, event_type, event_time, amount, kafka_timestamp } = row as unknown as RecordOfFigure;
  const reasons = row.reasons as string[] | null;
  const eventTime = parseInstant(event_time) as bigint;
  const appendedAt = parseInstant(kafka_timestamp) as bigint;
  const [partition, offset] = [Number(row.partition), String(row.offset)];
  return {
    ...{ outcome, event_id, event_type, event_time, amount, kafka_timestamp },
    ...(Object.fromEntries(names.map((name) => [name, row[name]])) as Record<Dimension, string | null>),
    topic: String(row.topic),
    partition,
    offset,
    override: row.override == null ? null : String(row.override),
    reasons: reasons ?? [],
    unknown: names.filter((name) => !domains[name].includes(String(row[name]))),
    why:
      outcome === "accepted"
        ? null
        : whyRefused({ outcome, reasons, eventTime, appendedAt }, rulesAt(rules, partition, offset)),
  };
}
