import {
  type FinalWindow,
  readWindowPosition,
  type WindowPosition,
  windowHeaders,
  windowKey,
} from "../../../domain/publications/final-window.ts";
import type { Parameters, Row } from "../../query-engine.ts";
import type { Feed, Page, PageRequest } from "../ports.ts";

/** Turns a value into the bytes that a consumer of the topic expects. */
export interface RecordEncoder {
  /** @throws Problem `dependency_unavailable` while the schema registry is needed and away */
  encode(value: Record<string, unknown>): Promise<Uint8Array>;
}

const KEY = ["window_start", "plan_tier", "region", "currency", "revision"];
const COLUMNS = ["window_end", "revenue", "event_count", "finalized_at", ...KEY];
/** The batch of gold that made a row final: it only rises, which no clock promises. */
const BATCH = "batch_id";

/** Final windows of a table like gold's, in the order in which they became final; revisions are further rows. */
export function finalWindowsFeed(table: string, encoder: RecordEncoder): Feed {
  return {
    table,
    async page({ set, generation, position, limits }: PageRequest): Promise<Page | null> {
      const snapshot = set.snapshot(table);
      if (snapshot === undefined) return null;
      // Rows of an earlier version do not say their batch: they come before all that do.
      const known = snapshot.columns.some(({ name }) => name === BATCH);
      const relation = set.relation(table, known ? [...COLUMNS, BATCH] : COLUMNS);
      const ordered = `(SELECT *, ${known ? `coalesce(${BATCH}, -1)` : "-1"}::BIGINT AS batch FROM ${relation})`;
      const parameters: Parameters = {};
      const isAfter = position === null ? "true" : afterSql(readWindowPosition(position), parameters);
      const [counts] = await set.query(
        `SELECT count(*)::VARCHAR AS rows, count(*) FILTER (${isAfter})::VARCHAR AS waiting FROM ${ordered}`,
        parameters,
      );
      const waiting = BigInt(String(counts?.waiting));
      const passed = BigInt(String(counts?.rows)) - waiting;
      if (waiting === 0n) return { records: [], position, passed, waiting };
      const rows = await set.query(
        `SELECT * FROM ${ordered} WHERE ${isAfter} ORDER BY batch, ${KEY.join(", ")} LIMIT ${limits.records}`,
        parameters,
      );
      const records = await Promise.all(
        rows.map(async (row) => {
          const window = row as unknown as FinalWindow;
          const value = await encoder.encode({ ...window, generation });
          return { key: Buffer.from(windowKey(window)), value, headers: windowHeaders(window, generation) };
        }),
      );
      const last = rows.at(-1) as Row;
      return { records, position: positionOf(last), passed, waiting: waiting - BigInt(records.length) };
    },
  };
}

function afterSql({ batch, key }: WindowPosition, parameters: Parameters): string {
  Object.assign(parameters, { after_batch: BigInt(batch) });
  const values = key.map((value, at) => {
    parameters[`after_${at}`] = value;
    return at === 0 ? `$after_${at}::TIMESTAMPTZ` : `$after_${at}`;
  });
  return `(batch, ${KEY.join(", ")}) > ($after_batch, ${values.join(", ")})`;
}

function positionOf(row: Row): WindowPosition {
  return { batch: String(row.batch), key: KEY.map((name) => row[name]) as WindowPosition["key"] };
}
