import { bytesOf, type Header, type OutgoingRecord, ownHeaders } from "./outgoing-record.ts";

/**
 * Outcomes whose records go to the dead letters. A duplicate does not: the record that it is a copy of was accepted, so nothing is lost that
 * somebody could mend, and a producer that repeats itself would bury the rest.
 */
export const DEAD_OUTCOMES = ["undecodable", "invalid", "late", "future"] as const;
export type DeadOutcome = (typeof DEAD_OUTCOMES)[number];

/** A refused record with what silver knows of it. */
export interface RefusedRecord {
  topic: string;
  partition: number;
  offset: string;
  /** ISO-8601 */
  timestamp: string;
  schemaId: number | null;
  outcome: string;
  reasons: string[];
  /** ISO-8601; null where there is none that can be read */
  eventTime: string | null;
  key: Uint8Array | null;
  headers: Header[];
  value: Uint8Array | null;
}

/** What the topic takes. */
export interface TopicRoom {
  partitions: number;
  maxMessageBytes: number;
}

/** What each reason means, for people who find it in a header. */
const MEANINGS: Record<string, string> = {
  NULL_VALUE: "the record has no value",
  BAD_MAGIC: "the value does not begin with the byte 0 and the four bytes of a schema id",
  UNKNOWN_SCHEMA_ID: "the schema registry does not know the schema id",
  BAD_AVRO: "the bytes after the schema id are not the Avro of that schema, read by the contract",
  NULL_REQUIRED: "a required field is empty",
  BAD_TIMESTAMP: "event_time or ingest_time is not a timestamp in UTC",
  INVALID_DOMAIN: "a field has a value outside of its domain",
  BAD_AMOUNT: "the amount is no number that fits, or has the wrong sign",
};

/**
 * A refused record for the topic of dead letters: its own key, value and headers, and headers that say where it came from and why it was
 * refused. What does not fit into the topic is left out and named in a header; the record itself is never held back.
 */
export function deadLetter(record: RefusedRecord, generation: number, room: TopicRoom): OutgoingRecord {
  const { topic, partition, offset } = record;
  const said = ownHeaders({
    id: `${topic}/${partition}/${offset}`,
    outcome: record.outcome,
    reasons: record.reasons.join(","),
    error: errorText(record),
    "source.topic": topic,
    "source.partition": partition,
    "source.offset": offset,
    "source.timestamp": record.timestamp,
    "schema.id": record.schemaId,
    generation,
    "null.headers": namesOfNull(record.headers),
  });
  return fitting({
    key: record.key,
    value: record.value,
    headers: [...record.headers, ...said],
    partition: partition % room.partitions,
  });

  function fitting(whole: OutgoingRecord): OutgoingRecord {
    if (bytesOf(whole) <= room.maxMessageBytes) return whole;
    const omitted = (what: string) => ownHeaders({ omitted: what });
    const value = `value (${record.value?.length ?? 0} bytes)`;
    const bare = { ...whole, value: null, headers: [...whole.headers, ...omitted(value)] };
    if (bytesOf(bare) <= room.maxMessageBytes) return bare;
    const rest = `key (${record.key?.length ?? 0} bytes), headers (${record.headers.length}), ${value}`;
    return { ...bare, key: null, headers: [...said, ...omitted(rest)] };
  }
}

function errorText({ outcome, reasons, eventTime, timestamp }: RefusedRecord): string {
  const known = reasons.map((reason) => `${reason}: ${MEANINGS[reason] ?? "refused by a rule of the pipeline"}`);
  if (known.length > 0) return known.join("; ");
  const apart = `its event_time ${eventTime} and the time ${timestamp} at which it was appended`;
  if (outcome === "late") return `it came later than is allowed: ${apart}`;
  if (outcome === "future") return `it lies further in the future than is allowed: ${apart}`;
  return `it was refused as ${outcome}`;
}

/** Clients cannot all send headers without value: those go as empty ones, and are named. */
function namesOfNull(headers: Header[]): string | null {
  const names = headers.filter(({ value }) => value === null).map(({ key }) => key);
  return names.length === 0 ? null : JSON.stringify(names);
}
