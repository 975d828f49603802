/**
 * The fields of an event by their names in the contract, which are those of silver's columns, too (docs/contracts.md §4).
 * `isContent`: it is part of what the event says; when it was sent and how it travelled is not.
 */
const EVENT_FIELDS = [
  { name: "event_id", type: "text", isContent: false },
  { name: "event_time", type: "time", isContent: true },
  { name: "ingest_time", type: "time", isContent: false },
  { name: "account_id", type: "text", isContent: true },
  { name: "event_type", type: "text", isContent: true },
  { name: "plan_tier", type: "text", isContent: true },
  { name: "region", type: "text", isContent: true },
  { name: "currency", type: "text", isContent: true },
  { name: "amount", type: "number", isContent: true },
  { name: "schema_version", type: "number", isContent: false },
  { name: "user_id", type: "text", isContent: true },
  { name: "source", type: "text", isContent: true },
  { name: "trace_id", type: "text", isContent: false },
] as const;

type EventField = (typeof EVENT_FIELDS)[number];
type FieldType = EventField["type"];
type NameOf<T extends FieldType> = Extract<EventField, { type: T }>["name"];

/** Names of the fields of some types, in the contract's order. */
export function eventFields<T extends FieldType>(...types: T[]): NameOf<T>[] {
  const wanted: readonly FieldType[] = types;
  return EVENT_FIELDS.flatMap(({ name, type }) => (wanted.includes(type) ? name : [])) as NameOf<T>[];
}

/** Silver's columns that make up what an event says. */
export const CONTENT_COLUMNS: readonly string[] = EVENT_FIELDS.flatMap(({ name, isContent }) =>
  isContent ? name : [],
);
