import { eventFields } from "../event-fields.ts";

/** The columns of silver that rules may name, by what can be asked of them: the event's, and what silver has of the record. */
const TEXTS = ["outcome", ...eventFields("text")];
const NUMBERS = [...eventFields("number"), "schema_id"];
const TIMES = [...eventFields("time"), "kafka_timestamp"];

export const COLUMNS = { text: TEXTS, number: NUMBERS, time: TIMES, any: [...TEXTS, ...NUMBERS, ...TIMES] };
export type ColumnType = keyof typeof COLUMNS;

export function isColumn(type: ColumnType, name: unknown): name is string {
  return (COLUMNS[type] as unknown[]).includes(name);
}

/** What was expected, for messages. */
export function namesOf(type: ColumnType): string {
  return `columns of silver among ${COLUMNS[type].join(", ")}`;
}
