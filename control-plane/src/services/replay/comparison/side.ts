import { SILVER } from "../../revenue/records.ts";
import type { SnapshotSet } from "../../snapshots.ts";

/** Offsets by partition: the next one to be read. */
export type Offsets = Readonly<Record<string, string>>;

/** What identifies a record of the topic. */
const PLACE = { partition: "INTEGER", offset: "BIGINT" } as const;

/** Silver's columns that are compared, with their types: what was decoded and decided, not when and from which bytes. */
export const COMPARED = {
  outcome: "VARCHAR",
  reasons: "VARCHAR[]",
  event_id: "VARCHAR",
  event_time: "TIMESTAMPTZ",
  ingest_time: "TIMESTAMPTZ",
  account_id: "VARCHAR",
  event_type: "VARCHAR",
  plan_tier: "VARCHAR",
  region: "VARCHAR",
  currency: "VARCHAR",
  amount: "DECIMAL(18,2)",
  schema_version: "INTEGER",
  user_id: "VARCHAR",
  source: "VARCHAR",
  trace_id: "VARCHAR",
  extra: "VARCHAR",
  override: "BIGINT",
} as const;
export type ComparedColumn = keyof typeof COMPARED;

const TYPES: Readonly<Record<string, string>> = { topic: "VARCHAR", ...PLACE, ...COMPARED };

/** Rows of silver of one generation before a position. */
export class SilverSide {
  readonly set: SnapshotSet;
  /** of the windows of its figures */
  readonly windowMs: number;
  private readonly topic: string;
  private readonly at: Offsets;
  private letIn = false;

  constructor(set: SnapshotSet, windowMs: number, topic: string, at: Offsets) {
    this.set = set;
    this.windowMs = windowMs;
    this.topic = topic;
    this.at = at;
  }

  /** Finds out whether overrides have let records in; without any, nothing has to be looked for among the others. */
  async prepare(): Promise<void> {
    const [row] = await this.set.query(`SELECT 1 AS found FROM ${this.letInPlaces()} LIMIT 1`);
    this.letIn = row !== undefined;
  }

  /** SQL of one row for each record before the position: of one that was let in afterwards, the row that let it in. */
  records(columns: readonly ComparedColumn[]): string {
    const rows = this.before(columns);
    if (!this.letIn) return rows;
    const all = this.before([...new Set([...columns, "override" as const])]);
    return `(SELECT * FROM ${all} AS row_of WHERE override IS NOT NULL OR NOT EXISTS
      (SELECT 1 FROM ${this.letInPlaces()} AS let_in WHERE let_in."partition" = row_of."partition" AND let_in."offset" = row_of."offset"))`;
  }

  /** SQL of the accepted rows before the position; each record is accepted once at most. */
  accepted(columns: readonly ComparedColumn[]): string {
    return this.before(columns, "accepted");
  }

  private letInPlaces(): string {
    return `(SELECT "partition", "offset" FROM ${this.before(["override"], "accepted")} WHERE override IS NOT NULL)`;
  }

  /** @param outcome the only one whose files are read */
  private before(columns: readonly ComparedColumn[], outcome?: string): string {
    const known = this.set.snapshot(SILVER)?.columns.map(({ name }) => name) ?? [];
    const wanted = ["topic", ...Object.keys(PLACE), ...columns];
    const relation = this.set.relation(
      SILVER,
      wanted.filter((name) => known.includes(name)),
      (partition) => outcome === undefined || partition.outcome === outcome,
    );
    // A table of an older release lacks columns, and a generation that has read nothing may lack the table.
    const names = wanted.map((name) => (known.includes(name) ? `"${name}"` : `NULL::${TYPES[name]} AS "${name}"`));
    const from =
      relation === undefined
        ? "(SELECT 1) WHERE false"
        : `${relation} WHERE topic = ${quoted(this.topic)} AND ${beforeSql(this.at)}`;
    return `(SELECT ${names.filter((name) => name !== '"topic"').join(", ")} FROM ${from})`;
  }
}

/** SQL: whether a row of silver lies before these offsets. */
export function beforeSql(offsets: Offsets): string {
  const bounds = Object.entries(offsets).map(
    ([partition, offset]) => `("partition" = ${Number(partition)} AND "offset" < ${BigInt(offset)})`,
  );
  return `(${bounds.join(" OR ") || "false"})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
