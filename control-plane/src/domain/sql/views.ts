import { type Column, identifier } from "../delta/schema.ts";

/** A column as people are told of it. */
export interface ViewColumn extends Column {
  /** a sentence; null for columns that a table has and nobody has described */
  description: string | null;
}

/** A relation that `POST /v1/sql` offers. */
export interface View {
  name: string;
  description: string;
  /** the tables it is made of; the first one's columns are the view's, unless it declares all of its own */
  tables: readonly string[];
  /** what it has at least, also while its table does not exist yet */
  columns: readonly ViewColumn[];
  /** columns of its table that it leaves out */
  without?: readonly string[];
  /** rows of its table by the value of `outcome` */
  outcomes?: "accepted" | "refused";
  /** made of other views by SQL of its own, instead of being rows of its table */
  derived?: true;
}

const column = (name: string, type: string, description: string): ViewColumn => ({ name, type, description });

const AT = [
  column("topic", "VARCHAR", "Kafka topic of the record"),
  column("partition", "INTEGER", "Its partition"),
  column("offset", "BIGINT", "Its offset"),
];
const APPENDED = column("kafka_timestamp", "TIMESTAMPTZ", "When Kafka appended it");
const KEY = column("key", "BLOB", "Its key");
const HEADERS = column("headers", 'STRUCT("key" VARCHAR, "value" BLOB)[]', "Its headers");
const SCHEMA_ID = column("schema_id", "INTEGER", "Id of its writer's schema in the registry; null where it names none");
const WATERMARK = column(
  "low_watermark",
  "TIMESTAMPTZ",
  "Every record appended before this moment had been read when the row was written",
);

const EVENT = [
  column("event_id", "VARCHAR", "Id that its producer gave it"),
  column("event_time", "TIMESTAMPTZ", "When it happened"),
  column("ingest_time", "TIMESTAMPTZ", "When its producer took it in"),
  column("account_id", "VARCHAR", "The customer's account"),
  column("event_type", "VARCHAR", "subscription_created, renewal, upgrade, refund or chargeback"),
  column("plan_tier", "VARCHAR", "free, pro or enterprise"),
  column("region", "VARCHAR", "NA, EU, LATAM or APAC"),
  column("currency", "VARCHAR", "USD, CAD or EUR: never add up amounts of different ones"),
  column("amount", "DECIMAL(18,2)", "Exact; negative for refunds and chargebacks"),
  column("schema_version", "INTEGER", "Version that the event itself names"),
  column("user_id", "VARCHAR", "Who acted, where known"),
  column("source", "VARCHAR", "web, mobile, backend or billing"),
  column("trace_id", "VARCHAR", "Trace of the request that caused it"),
];

const SILVER_ALL = [
  ...AT,
  APPENDED,
  SCHEMA_ID,
  column("outcome", "VARCHAR", "accepted, duplicate, late, future, undecodable or invalid"),
  column("reasons", "VARCHAR[]", "Why it was refused, each rule that it breaks"),
  ...EVENT,
  column("decoded", "VARCHAR", "The event as JSON as it was decoded, of refused rows that could be decoded"),
  column("value", "BLOB", "The raw bytes, of refused rows"),
  KEY,
  HEADERS,
  column("extra", "VARCHAR", "Fields of the writer's schema that the contract lacks, as a JSON object"),
  column("override", "BIGINT", "Number of the override that let the row in"),
  WATERMARK,
];
const REFUSED_ONLY = ["outcome", "reasons", "decoded", "value", "key", "headers"];

const FIGURE = [
  column("window_start", "TIMESTAMPTZ", "Begin of the window"),
  column("window_end", "TIMESTAMPTZ", "Its end, which belongs to the next one"),
  column("plan_tier", "VARCHAR", "free, pro or enterprise"),
  column("region", "VARCHAR", "NA, EU, LATAM or APAC"),
  column("currency", "VARCHAR", "USD, CAD or EUR: never add up revenue of different ones"),
];
const DATE = column("window_date", "DATE", "Day of the window's begin, by which the table is partitioned");

const count = (name: string, description: string) => column(name, "BIGINT", description);

const FINAL = "gold.revenue_5m";
const UPDATES = "gold.revenue_5m_updates";
const SILVER = "silver.sales_events";

/** The relations of the pipeline, in the order in which data flows. */
export const VIEWS: readonly View[] = [
  {
    name: "bronze",
    description: "Every Kafka record as it came, once.",
    tables: ["bronze.sales_events"],
    columns: [...AT, APPENDED, KEY, HEADERS, column("value", "BLOB", "The raw bytes"), SCHEMA_ID, WATERMARK],
  },
  {
    name: "silver",
    description: "Accepted events, decoded and typed: what revenue is summed from.",
    tables: [SILVER],
    columns: SILVER_ALL.filter(({ name }) => !REFUSED_ONLY.includes(name)),
    without: REFUSED_ONLY,
    outcomes: "accepted",
  },
  {
    name: "quarantine",
    description: "Refused records with the outcome, the reasons and the raw bytes.",
    tables: [SILVER],
    columns: SILVER_ALL,
    outcomes: "refused",
  },
  {
    name: "silver_all",
    description: "Accepted and refused together: one row for every record of bronze.",
    tables: [SILVER],
    columns: SILVER_ALL,
  },
  {
    name: "gold",
    description:
      "Revenue as the REST answer has it: the latest final figures, and the sums so far of windows that are not final yet.",
    tables: [FINAL, UPDATES],
    columns: [
      ...FIGURE,
      column("revenue", "DECIMAL(38,2)", "Exact sum of the amounts"),
      count("event_count", "Events in the sum"),
      column("status", "VARCHAR", "final, or provisional while it still changes"),
      column(
        "revision",
        "INTEGER",
        "1 when it was made final once, higher when late records corrected it; null while provisional",
      ),
    ],
    derived: true,
  },
  {
    name: "gold_final",
    description: "Every revision of every final figure.",
    tables: [FINAL],
    columns: [
      DATE,
      ...FIGURE,
      column("revenue", "DECIMAL(38,2)", "Exact sum of the amounts"),
      count("event_count", "Events in the sum"),
      column("finalized_at", "TIMESTAMPTZ", "When it was made final"),
      column("revision", "INTEGER", "1 for the first, the highest is the one that counts"),
      count("batch_id", "Batch of the updates that made it final; null in rows of older releases"),
    ],
  },
  {
    name: "gold_updates",
    description: "What each batch of the gold job added to each figure: add the rows of a figure up.",
    tables: [UPDATES],
    columns: [
      DATE,
      ...FIGURE,
      column("revenue", "DECIMAL(38,2)", "Exact sum of the batch's amounts"),
      count("event_count", "Events of the batch"),
      count("batch_id", "Batch of the gold job"),
    ],
  },
  {
    name: "dq_metrics",
    description: "Counts over the records of every outcome, one row per batch of the dq job.",
    tables: ["dq.revenue_5m.metrics"],
    columns: [
      column("dq_run_ts", "TIMESTAMPTZ", "When the batch was measured"),
      count("batch_id", "Batch of the dq job"),
      count("total_records", "Records of every outcome"),
      count("valid_records_estimate", "Records without violation"),
      count("null_required_fields", "Records without a required field"),
      count("invalid_domain_values", "Records with a value outside of its domain"),
      count("bad_amounts", "Records whose amount is not a number, too large, or of the wrong sign"),
      count(
        "latency_sla_breaches",
        "Records that were ingested later than the pipeline's latencySla after they happened",
      ),
      count("accepted", "Records counted in revenue"),
      count("duplicates", "Records whose event_id was accepted before"),
      count("late", "Records older than the allowed lateness"),
      count("future", "Records dated further ahead than the allowed skew"),
      count("undecodable", "Records that are not Avro of a known schema"),
      count("invalid", "Records that break the contract"),
      WATERMARK,
      column("rule_checked", "MAP(VARCHAR, BIGINT)", "Records that each data quality rule looked at, by its id"),
      column("rule_failures", "MAP(VARCHAR, BIGINT)", "Records that failed each rule"),
      column("rules_revision", "VARCHAR", "Which rules counted"),
    ],
  },
  {
    name: "dq_samples",
    description:
      "At most 100 records per batch that break the contract or a data quality rule, the lowest offsets first.",
    tables: ["dq.revenue_5m.samples"],
    columns: [
      count("batch_id", "Batch of the dq job"),
      column("dq_violation_reason", "VARCHAR", "What of the contract it breaks, or the id of the rule"),
      ...AT,
      ...EVENT,
      column("rule", "VARCHAR", "The data quality rule that it breaks; null for a reason of the contract"),
    ],
  },
];

/** A table that no view is declared for gets one of its own name, with `_` for the dots. */
export function viewOfTable(table: string): View {
  return {
    name: table.replaceAll(".", "_"),
    description: `Rows of the table ${table}.`,
    tables: [table],
    columns: [],
  };
}

/** A view's columns: those of its table as the table has them, and those that are declared and not there yet. */
export function columnsOf(view: View, table: readonly Column[] | undefined): ViewColumn[] {
  if (view.derived || table === undefined) return [...view.columns];
  const declared = new Map(view.columns.map((known) => [known.name, known]));
  const present = table
    .filter(({ name }) => !view.without?.includes(name))
    .map(({ name, type }) => ({ name, type, description: declared.get(name)?.description ?? null }));
  const names = new Set(present.map(({ name }) => name));
  return [...present, ...view.columns.filter(({ name }) => !names.has(name))];
}

/** A type as DuckDB names it in answers. */
export function shownType(type: string): string {
  return type.replaceAll("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE");
}

/** SQL of a view without rows. */
export function emptyViewSql(columns: readonly Column[]): string {
  return `SELECT ${columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`).join(", ")} WHERE false`;
}
