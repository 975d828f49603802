import { formatInstant } from "../domain/delta/instant.ts";
import type { KeepFile } from "../domain/delta/relation.ts";
import { sameContent } from "../domain/event-content.ts";
import { CONTENT_COLUMNS } from "../domain/event-fields.ts";
import { type OverrideState, placeText, type RecordPlace } from "../domain/override.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import { readRange } from "../domain/revenue/range.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { type Place, type QuarantinedRecord, toRecord } from "./quarantined-record.ts";
import type { Parameters } from "./query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "./snapshots.ts";

export interface QuarantineRequest {
  outcome?: string | undefined;
  reason?: string | undefined;
  topic?: string | undefined;
  partition?: number | undefined;
  from_offset?: string | undefined;
  to_offset?: string | undefined;
  event_id?: string | undefined;
  /** ISO-8601 with zone; appended to the topic at or after it */
  from?: string | undefined;
  to?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** What people have decided about records. */
export interface Decisions {
  /** the newest override of each of these records */
  newestOf(places: RecordPlace[]): Promise<(RecordPlace & { number: number; state: OverrideState })[]>;
}

export interface Quarantine {
  /** Refused records in the order in which they were appended. @throws Problem `invalid_request` */
  list(
    request: QuarantineRequest,
  ): Promise<{ items: QuarantinedRecord[]; nextCursor: string | null; snapshot: SnapshotStamp }>;
  /** One refused record, its value whole. @throws Problem `unknown_record` */
  find(place: Place & { topic: string }): Promise<QuarantinedRecord & { snapshot: SnapshotStamp }>;
}

const SILVER = "silver.sales_events";
/** Types of columns that older tables may lack. */
const OPTIONAL: Record<string, string> = {
  key: "BLOB",
  headers: "STRUCT(key VARCHAR, value BLOB)[]",
  extra: "VARCHAR",
  override: "BIGINT",
};
const PLACE = ["topic", "partition", "offset"];
const LISTED = [
  ...PLACE,
  ...["kafka_timestamp", "schema_id", "outcome", "reasons", "event_id", "decoded", "value"],
  ...CONTENT_COLUMNS,
  ...Object.keys(OPTIONAL),
];
/** Bytes of a value that a list shows. */
const SHOWN_BYTES = 1_024;
const ORDER = `kafka_timestamp, topic, partition, "offset"`;

/** Records that were refused, with what can be said of each. `createQuarantine({ snapshots, decisions })` */
export function createQuarantine({ snapshots, decisions }: { snapshots: Snapshots; decisions: Decisions }): Quarantine {
  /** Records with what accepted rows and people say of them. Accepted rows are most of the table: they are read only where they say something. */
  async function complete(set: SnapshotSet, wanted: Wanted, outcome: string | undefined): Promise<QuarantinedRecord[]> {
    const page = await select(set, wanted, outcome, { origins: false, letIn: false });
    if (page.length === 0) return page;
    const found = await decisions.newestOf(page.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
    const origins = page.some((record) => record.outcome === "duplicate");
    const letIn = found.some(({ state }) => state !== "refused");
    const records = origins || letIn ? await select(set, wanted, outcome, { origins, letIn }) : page;
    return withDecisions(records, found);
  }

  return {
    async list(request) {
      const { conditions, parameters } = filtersOf(request);
      return snapshots.read([SILVER], async (set) => {
        const wanted = { conditions, parameters, bytes: SHOWN_BYTES, limit: request.limit + 1 };
        const items = await complete(set, wanted, request.outcome);
        const page = items.slice(0, request.limit);
        const last = items.length > request.limit ? page.at(-1) : undefined;
        const key = last && [last.kafka_timestamp, last.topic, last.partition, last.offset];
        return { items: page, nextCursor: key ? writeCursor("quarantine", key) : null, snapshot: set.stamp(SILVER) };
      });
    },

    find: ({ topic, partition, offset }) =>
      snapshots.read([SILVER], async (set) => {
        const conditions = ["topic = $topic", "partition = $partition", `"offset" = $offset::BIGINT`];
        const parameters = { topic, partition, offset };
        const [record] = await complete(set, { conditions, parameters, bytes: null, limit: 1 }, undefined);
        if (record !== undefined) return { ...record, snapshot: set.stamp(SILVER) };
        throw await unknownRecord(set, { topic, partition, offset });
      }),
  };
}

/** A job may not have applied yet what was decided; what silver holds is true already. */
function withDecisions(
  records: QuarantinedRecord[],
  found: Awaited<ReturnType<Decisions["newestOf"]>>,
): QuarantinedRecord[] {
  const byPlace = new Map(found.map((decision) => [placeText(decision), decision]));
  return records.map((record) => {
    const decision = byPlace.get(placeText(record));
    if (record.override !== null || decision === undefined) return record;
    return { ...record, override: { number: decision.number, state: decision.state } };
  });
}

function filtersOf(request: QuarantineRequest): { conditions: string[]; parameters: Parameters } {
  const { range, errors } = readRange(request);
  if (errors.length > 0) throw invalidRequest(errors);
  const after = readCursor("quarantine", ["instant", "text", "integer", "bigint"], request.cursor);
  const given: [condition: string, name: string, value: string | number | undefined][] = [
    ["outcome = $outcome", "outcome", request.outcome],
    ["list_contains(reasons, $reason)", "reason", request.reason],
    ["topic = $topic", "topic", request.topic],
    ["partition = $partition", "partition", request.partition],
    [`"offset" >= $from_offset::BIGINT`, "from_offset", request.from_offset],
    [`"offset" < $to_offset::BIGINT`, "to_offset", request.to_offset],
    ["event_id = $event_id", "event_id", request.event_id],
    ["kafka_timestamp >= $from::TIMESTAMPTZ", "from", instant(range.from)],
    ["kafka_timestamp < $to::TIMESTAMPTZ", "to", instant(range.to)],
  ];
  const asked = given.filter((each): each is [string, string, string | number] => each[2] !== undefined);
  const conditions = asked.map(([condition]) => condition);
  const parameters: Parameters = Object.fromEntries(asked.map(([, name, value]) => [name, value]));
  if (after !== undefined) {
    conditions.push(
      `(${ORDER}) > ($after_at::TIMESTAMPTZ, $after_topic, $after_partition::INTEGER, $after_offset::BIGINT)`,
    );
    const [after_at, after_topic, after_partition, after_offset] = after as [string, string, number, string];
    Object.assign(parameters, { after_at, after_topic, after_partition, after_offset });
  }
  return { conditions, parameters };
}

function instant(micros: bigint | undefined): string | undefined {
  return micros === undefined ? undefined : formatInstant(micros);
}

interface Wanted {
  conditions: string[];
  parameters: Parameters;
  /** of a value; null for all */
  bytes: number | null;
  limit: number;
}

/** What is asked of the accepted rows. */
interface Beside {
  /** which of them a duplicate repeats */
  origins: boolean;
  /** by which override a record was let in */
  letIn: boolean;
}

async function select(
  set: SnapshotSet,
  wanted: Wanted,
  outcome: string | undefined,
  { origins, letIn }: Beside,
): Promise<QuarantinedRecord[]> {
  const isWanted: KeepFile = (partition) =>
    partition.outcome !== "accepted" && (outcome === undefined || partition.outcome === outcome);
  const refused = relation(set, LISTED, isWanted);
  const columns = [...PLACE, "kafka_timestamp", "event_id", ...CONTENT_COLUMNS, "override"];
  // Also files of which no row is wanted would be opened: where nothing is asked, none is named.
  const accepted = relation(set, columns, ({ outcome: kind }) => (origins || letIn) && kind === "accepted");
  if (refused === undefined || accepted === undefined) return [];
  const value = wanted.bytes === null ? "value" : `value[1:${wanted.bytes}]`;
  const rows = await set.query(
    `WITH page AS (SELECT * FROM ${refused} WHERE ${["override IS NULL", ...wanted.conditions].join(" AND ")}
                   ORDER BY ${ORDER} LIMIT $limit),
       origins AS (
         SELECT page.topic, page.partition, page."offset",
           arg_min(accepted.partition, distance) AS origin_partition, arg_min(accepted."offset", distance)::VARCHAR AS origin_offset,
           bool_or(${sameContent("page", "accepted")}) AS is_copy
         FROM page JOIN ${accepted} AS accepted ON accepted.event_id = page.event_id,
           LATERAL (SELECT abs(epoch_us(page.kafka_timestamp) - epoch_us(accepted.kafka_timestamp)) AS distance)
         WHERE page.outcome = 'duplicate' AND ${origins} GROUP BY ALL),
       let_in AS (
         SELECT page.topic, page.partition, page."offset", max(accepted.override)::VARCHAR AS number
         FROM page JOIN ${accepted} AS accepted
           ON accepted.topic = page.topic AND accepted.partition = page.partition AND accepted."offset" = page."offset"
         WHERE accepted.override IS NOT NULL AND ${letIn} GROUP BY ALL)
     SELECT page.topic, page.partition, page."offset"::VARCHAR AS "offset", kafka_timestamp, schema_id, outcome, reasons, event_id, decoded, extra,
       page.key, page.headers, octet_length(value) AS value_length, ${value} AS value, origin_partition, origin_offset, is_copy, number AS override
     FROM page LEFT JOIN origins ON origins.topic = page.topic AND origins.partition = page.partition AND origins."offset" = page."offset"
       LEFT JOIN let_in ON let_in.topic = page.topic AND let_in.partition = page.partition AND let_in."offset" = page."offset"
     ORDER BY kafka_timestamp, page.topic, page.partition, page."offset"`,
    { ...wanted.parameters, limit: wanted.limit },
  );
  return rows.map(toRecord);
}

/** Rows of silver; a column that an older table lacks is null. */
function relation(set: SnapshotSet, columns: readonly string[], keep: KeepFile): string | undefined {
  const there = set.snapshot(SILVER)?.columns.map(({ name }) => name) ?? [];
  const rows = set.relation(
    SILVER,
    columns.filter((name) => there.includes(name)),
    keep,
  );
  const missing = columns.filter((name) => !there.includes(name));
  if (rows === undefined || missing.length === 0) return rows;
  return `(SELECT *, ${missing.map((name) => `NULL::${OPTIONAL[name]} AS ${name}`).join(", ")} FROM ${rows})`;
}

async function unknownRecord(set: SnapshotSet, { topic, partition, offset }: Place & { topic: string }) {
  const rows = set.relation(SILVER, [...PLACE, "outcome"]);
  const [found] =
    rows === undefined
      ? []
      : await set.query(
          `SELECT outcome FROM ${rows} WHERE topic = $topic AND partition = $partition AND "offset" = $offset::BIGINT LIMIT 1`,
          { topic, partition, offset },
        );
  const where = `partition ${partition}, offset ${offset} of ${topic}`;
  return new Problem({
    status: 404,
    code: "unknown_record",
    title: "No refused record is there",
    detail: found ? `The record at ${where} was ${found.outcome}.` : `Silver has no record of ${where}.`,
    next: "GET /v1/quarantine lists the refused records, GET /v1/jobs/sales.silver/offsets how far silver has read.",
  });
}
