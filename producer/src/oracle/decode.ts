import avro from "avsc";
import type { SalesEvent } from "../contract.ts";

/** Why a record could not be decoded. */
export type UndecodableReason = "NULL_VALUE" | "BAD_MAGIC" | "UNKNOWN_SCHEMA_ID" | "BAD_AVRO";

/** A record as the topic holds it. */
export interface RawRecord {
  partition: number;
  offset: bigint;
  /** the record's Kafka timestamp, milliseconds since 1970 */
  timestampMs: bigint;
  value: Buffer | null;
}

/** Avro schemas (JSON text) by the id that records carry; an id that is absent is unknown to the registry. */
export type WriterSchemas = ReadonlyMap<number, string>;

export type Decoded = { event: SalesEvent } | { undecodable: UndecodableReason };
export type Decoder = (value: Buffer | null) => Decoded;

/**
 * The writer schema's id in front of an event (Confluent's wire format: a zero byte and four bytes of id).
 * @returns undefined when there is no such prefix
 */
export function schemaIdOf(value: Buffer | null): number | undefined {
  return value !== null && value.length >= 5 && value[0] === 0 ? value.readInt32BE(1) : undefined;
}

/**
 * Makes a decoder that resolves each event from the schema it was written with to the contract.
 * Bytes left over after the event are ignored, as readers of streams of Avro do.
 * @param contract the reader schema as JSON text
 */
export function createDecoder(contract: string, writers: WriterSchemas): Decoder {
  const reader = avro.Type.forSchema(JSON.parse(contract));
  const resolvers = new Map([...writers].map(([id, schema]) => [id, resolverFrom(schema, reader)]));
  return (value) => {
    if (value === null) return { undecodable: "NULL_VALUE" };
    const id = schemaIdOf(value);
    if (id === undefined) return { undecodable: "BAD_MAGIC" };
    if (!resolvers.has(id)) return { undecodable: "UNKNOWN_SCHEMA_ID" };
    const resolver = resolvers.get(id);
    if (resolver === undefined) return { undecodable: "BAD_AVRO" };
    try {
      return { event: reader.fromBuffer(value.subarray(5), resolver, true) as SalesEvent };
    } catch {
      return { undecodable: "BAD_AVRO" };
    }
  };
}

/** @returns undefined when nothing written with the schema can be read as the contract */
function resolverFrom(writer: string, reader: avro.Type): ReturnType<avro.Type["createResolver"]> | undefined {
  try {
    return reader.createResolver(avro.Type.forSchema(JSON.parse(writer)));
  } catch {
    return undefined;
  }
}
