import type { KeepFile } from "../../../domain/delta/relation.ts";
import { newestEntry } from "../../../domain/delta/snapshot.ts";
import { DEAD_OUTCOMES, deadLetter, type RefusedRecord } from "../../../domain/publications/dead-letter.ts";
import type { Header, OutgoingRecord } from "../../../domain/publications/outgoing-record.ts";
import {
  movedTo,
  offsetIn,
  readSourceOffsets,
  type SourceOffsets,
} from "../../../domain/publications/source-offsets.ts";
import type { Row, Value } from "../../query-engine.ts";
import type { SnapshotSet } from "../../snapshots.ts";
import type { Feed, Page, PageLimits, PageRequest } from "../ports.ts";

const PLACE = ["topic", "partition", "offset"];
const WHOLE = [...PLACE, "kafka_timestamp", "schema_id", "outcome", "reasons", "event_time", "value"];
/** Columns that tables of earlier versions do not have. */
const LATER = ["key", "headers"];
/** Rough size of what a row holds beside its bytes. */
const ROW_BYTES = 512;
/** Tried: 120 MB of large values in one query are more than the query engine may use. */
const ROWS_AT_ONCE = 32;

const keep: KeepFile = ({ outcome }) => (DEAD_OUTCOMES as readonly string[]).includes(outcome ?? "");

/** What is left of a page. */
interface Room extends PageLimits {
  /** nothing is in it yet: the first record fits, however large it is */
  isEmpty: boolean;
}

/** Rows of one partition of the source that were refused. */
interface Waiting {
  topic: string;
  partition: number;
  /** of all its rows */
  rows: bigint;
  /** of those at or beyond the position */
  waiting: bigint;
}

/** Refused records of a table like silver, in the order of their offsets within each partition. */
export function deadLettersFeed(table: string): Feed {
  return {
    table,
    async page({ set, generation, position, topic, limits }: PageRequest): Promise<Page | null> {
      const snapshot = set.snapshot(table);
      if (snapshot === undefined) return null;
      const columns = snapshot.columns.map(({ name }) => name).filter((name) => LATER.includes(name));
      const start: SourceOffsets = position === null ? {} : readSourceOffsets(position);
      const partitions = await waitingByPartition(set, table, start);
      const records: OutgoingRecord[] = [];
      const room: Room = { ...limits, isEmpty: true };
      let reached = start;
      for (const { topic: source, partition } of partitions.filter(({ waiting }) => waiting > 0n)) {
        if (room.records <= 0 || room.bytes <= 0) break;
        const rows = await rowsFrom(
          set,
          table,
          columns,
          { source, partition, from: offsetIn(start, source, partition) },
          room,
        );
        for (const row of rows) {
          records.push(deadLetter(row, generation, topic));
          reached = movedTo(reached, source, partition, BigInt(row.offset) + 1n);
        }
      }
      const total = (of: (each: Waiting) => bigint) => partitions.reduce((sum, each) => sum + of(each), 0n);
      const waiting = total((each) => each.waiting) - BigInt(records.length);
      return {
        records,
        position: waiting > 0n ? reached : throughOf(set, table, reached),
        passed: total((each) => each.rows - each.waiting),
        waiting,
      };
    },
  };
}

/** Once nothing waits, everything that silver has read is dealt with, not only what it refused. */
function throughOf(set: SnapshotSet, table: string, reached: SourceOffsets): SourceOffsets {
  const snapshot = set.snapshot(table);
  const through = (snapshot && newestEntry(snapshot, "batch", "tick")?.through) ?? {};
  return Object.entries(through).reduce(
    (offsets, [topic, partitions]) =>
      Object.entries(partitions).reduce(
        (moved, [partition, next]) => movedTo(moved, topic, Number(partition), BigInt(next)),
        offsets,
      ),
    reached,
  );
}

async function waitingByPartition(set: SnapshotSet, table: string, start: SourceOffsets): Promise<Waiting[]> {
  const relation = set.relation(table, PLACE, keep) as string;
  const from = Object.entries(start).flatMap(([topic, partitions]) =>
    Object.entries(partitions).map(([partition, offset]) => ({ topic, partition: Number(partition), offset })),
  );
  const parameters = Object.fromEntries(from.map(({ topic }, at) => [`topic_${at}`, topic]));
  const cases = from.map(
    ({ partition, offset }, at) => `WHEN topic = $topic_${at} AND partition = ${partition} THEN ${BigInt(offset)}`,
  );
  const next = cases.length === 0 ? "0" : `CASE ${cases.join(" ")} ELSE 0 END`;
  const rows = await set.query(
    `SELECT topic, partition, count(*)::VARCHAR AS rows, count(*) FILTER ("offset" >= ${next})::VARCHAR AS waiting
     FROM ${relation} GROUP BY topic, partition ORDER BY topic, partition`,
    parameters,
  );
  return rows.map((row) => ({
    topic: String(row.topic),
    partition: Number(row.partition),
    rows: BigInt(String(row.rows)),
    waiting: BigInt(String(row.waiting)),
  }));
}

/**
 * Takes rows of one partition, and what they need from `room`. Some at a time: how large a row is, only reading it tells, and the query engine
 * holds all values that one query asks for.
 */
async function rowsFrom(
  set: SnapshotSet,
  table: string,
  later: string[],
  place: { source: string; partition: number; from: bigint },
  room: Room,
): Promise<RefusedRecord[]> {
  const of = 'topic = $topic AND partition = $partition AND "offset" >= $from';
  const parameters = { topic: place.source, partition: place.partition, from: place.from };
  const found = await set.query(
    `SELECT DISTINCT "offset" AS next FROM ${set.relation(table, PLACE, keep)} WHERE ${of} ORDER BY "offset" LIMIT ${room.records}`,
    parameters,
  );
  const offsets = found.map(({ next }) => BigInt(String(next)));
  const taken: RefusedRecord[] = [];
  for (let at = 0; at < offsets.length && room.bytes > 0; at += ROWS_AT_ONCE) {
    const some = offsets.slice(at, at + ROWS_AT_ONCE);
    const rows = await set.query(
      `SELECT * FROM ${set.relation(table, [...WHOLE, ...later], keep)} WHERE ${of} AND "offset" <= $last ORDER BY "offset"`,
      { ...parameters, from: some[0] as bigint, last: some.at(-1) as bigint },
    );
    taken.push(...takeInto(room, rows.map(toRecord)));
  }
  return taken;
}

/** Takes records while there is room for them; one always fits. */
function takeInto(room: Room, records: RefusedRecord[]): RefusedRecord[] {
  const taken: RefusedRecord[] = [];
  for (const record of records) {
    const size = sizeOf(record);
    if (size > room.bytes && !room.isEmpty) {
      room.bytes = 0;
      return taken;
    }
    taken.push(record);
    room.isEmpty = false;
    room.records -= 1;
    room.bytes -= size;
  }
  return taken;
}

function sizeOf({ key, value, headers }: RefusedRecord): number {
  const inHeaders = headers.reduce((sum, header) => sum + header.key.length + (header.value?.length ?? 0), 0);
  return ROW_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + inHeaders;
}

function toRecord(row: Row): RefusedRecord {
  return {
    topic: String(row.topic),
    partition: Number(row.partition),
    offset: String(row.offset),
    timestamp: String(row.kafka_timestamp),
    schemaId: row.schema_id === null ? null : Number(row.schema_id),
    outcome: String(row.outcome),
    reasons: Array.isArray(row.reasons) ? row.reasons.map(String) : [],
    eventTime: row.event_time === null ? null : String(row.event_time),
    key: bytes(row.key),
    headers: Array.isArray(row.headers) ? row.headers.map(toHeader) : [],
    value: bytes(row.value),
  };
}

function toHeader(value: Value): Header {
  const header = value as { key: string | null; value: string | null };
  return { key: header.key ?? "", value: bytes(header.value) };
}

function bytes(base64: Value | undefined): Uint8Array | null {
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : null;
}
