/** The columns of silver that rules may name, by what can be asked of them. */
const TEXTS = [
  "outcome",
  "event_id",
  "account_id",
  "event_type",
  "plan_tier",
  "region",
  "currency",
  "user_id",
  "source",
  "trace_id",
] as const;
const NUMBERS = ["amount", "schema_version", "schema_id"] as const;
const TIMES = ["event_time", "ingest_time", "kafka_timestamp"] as const;

export const COLUMNS = { text: TEXTS, number: NUMBERS, time: TIMES, any: [...TEXTS, ...NUMBERS, ...TIMES] } as const;
export type ColumnType = keyof typeof COLUMNS;

export function isColumn(type: ColumnType, name: unknown): name is string {
  return (COLUMNS[type] as readonly unknown[]).includes(name);
}

/** What was expected, for messages. */
export function namesOf(type: ColumnType): string {
  return `columns of silver among ${COLUMNS[type].join(", ")}`;
}
