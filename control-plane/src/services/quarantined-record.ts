import { isUtf8 } from "node:buffer";
import type { OverrideState } from "../domain/override.ts";
import type { Row } from "./query-engine.ts";

export interface Place {
  partition: number;
  offset: string;
}

/** Bytes as they came, and as text where they are UTF-8. */
export interface Bytes {
  base64: string;
  text: string | null;
  /** how many there are, where `base64` has fewer */
  length: number;
}

/** A refused record. Columns keep their names; null where an older table lacks one. */
export interface QuarantinedRecord extends Place {
  topic: string;
  kafka_timestamp: string;
  schema_id: number | null;
  outcome: string;
  reasons: string[];
  event_id: string | null;
  /** the accepted record that a duplicate repeats */
  repeats: Place | null;
  /** a duplicate says something else than every accepted record of its id */
  conflict: boolean | null;
  /** the event as it was decoded; null where it could not be */
  decoded: unknown;
  /** fields of the writer's schema that the contract lacks */
  extra: unknown;
  key: Bytes | null;
  headers: { key: string; value: Bytes | null }[] | null;
  value: Bytes | null;
  /** what people have decided about it; `applied`: it was let in after all */
  override: { number: number; state: OverrideState } | null;
}

/** A record from a row of the quarantine's query. */
export function toRecord(row: Row): QuarantinedRecord {
  const isDuplicate = row.outcome === "duplicate";
  const headers = row.headers as { key: string; value: string | null }[] | null;
  return {
    topic: String(row.topic),
    partition: Number(row.partition),
    offset: String(row.offset),
    kafka_timestamp: String(row.kafka_timestamp),
    schema_id: row.schema_id as number | null,
    outcome: String(row.outcome),
    reasons: (row.reasons as string[] | null) ?? [],
    event_id: row.event_id as string | null,
    repeats:
      row.origin_offset == null ? null : { partition: Number(row.origin_partition), offset: String(row.origin_offset) },
    conflict: isDuplicate && row.is_copy !== null ? row.is_copy !== true : null,
    decoded: parsed(row.decoded as string | null),
    extra: parsed(row.extra as string | null),
    key: bytes(row.key as string | null),
    headers: headers?.map(({ key, value }) => ({ key, value: bytes(value) })) ?? null,
    value: bytes(row.value as string | null, Number(row.value_length)),
    override: row.override === null ? null : { number: Number(row.override), state: "applied" },
  };
}

function bytes(base64: string | null, length?: number): Bytes | null {
  if (base64 === null) return null;
  const content = Buffer.from(base64, "base64");
  const isWhole = length === undefined || length === content.length;
  return { base64, text: isWhole && isUtf8(content) ? content.toString() : null, length: length ?? content.length };
}

/** What silver keeps as JSON, as JSON; as text where it is none. */
function parsed(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
