import { formatInstant } from "../domain/delta/instant.ts";
import { invalidRequest } from "../domain/problem.ts";
import { readRange } from "../domain/revenue/range.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import type { Parameters, Row } from "./query-engine.ts";
import type { SnapshotStamp, Snapshots } from "./snapshots.ts";

export interface MetricsRequest {
  /** ISO-8601 with zone; runs at or after it */
  from?: string | undefined;
  /** ISO-8601 with zone; runs before it */
  to?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

export interface SamplesRequest {
  reason?: string | undefined;
  batch_id?: number | undefined;
  limit: number;
  cursor?: string | undefined;
}

export interface DataQualityAnswer {
  /** rows of the table, columns by their names; the offset of a record is a string */
  items: Row[];
  nextCursor: string | null;
  snapshot: SnapshotStamp;
}

export interface DataQuality {
  /** Metrics per batch, newest first. @throws Problem `invalid_request` */
  metrics(request: MetricsRequest): Promise<DataQualityAnswer>;
  /** Samples of refused records, newest batch first, lowest offsets first within it. @throws Problem `invalid_request` */
  samples(request: SamplesRequest): Promise<DataQualityAnswer>;
}

const METRICS = "dq.revenue_5m.metrics";
const SAMPLES = "dq.revenue_5m.samples";

/** Data quality as the `dq` job measured it. `createDataQuality({ snapshots })` */
export function createDataQuality({ snapshots }: { snapshots: Snapshots }): DataQuality {
  async function page(
    table: string,
    limit: number,
    sql: Sql,
    parameters: Parameters,
    shape: string,
  ): Promise<DataQualityAnswer> {
    return snapshots.read([table], async (set) => {
      const columns = set.snapshot(table)?.columns.map(({ name }) => name) ?? [];
      const relation = set.relation(table, columns);
      const where = sql.conditions.length === 0 ? "" : `WHERE ${sql.conditions.join(" AND ")}`;
      const rows =
        relation === undefined
          ? []
          : await set.query(`SELECT * FROM ${relation} ${where} ORDER BY ${sql.order} LIMIT $limit`, {
              ...parameters,
              limit: limit + 1,
            });
      const items = rows.slice(0, limit).map((row) => ("offset" in row ? { ...row, offset: String(row.offset) } : row));
      const last = rows.length > limit ? items.at(-1) : undefined;
      return {
        items,
        nextCursor: last === undefined ? null : writeCursor(shape, sql.key(last)),
        snapshot: set.stamp(table),
      };
    });
  }

  return {
    async metrics({ from, to, limit, cursor }) {
      const { range, errors } = readRange({ from, to });
      if (errors.length > 0) throw invalidRequest(errors);
      const after = readCursor("metrics", ["instant", "bigint"], cursor);
      const conditions: string[] = [];
      const parameters: Parameters = {};
      if (range.from !== undefined) {
        conditions.push("dq_run_ts >= $from::TIMESTAMPTZ");
        parameters.from = formatInstant(range.from);
      }
      if (range.to !== undefined) {
        conditions.push("dq_run_ts < $to::TIMESTAMPTZ");
        parameters.to = formatInstant(range.to);
      }
      if (after !== undefined) {
        conditions.push("(dq_run_ts, batch_id) < ($after_run::TIMESTAMPTZ, $after_batch::BIGINT)");
        Object.assign(parameters, { after_run: after[0], after_batch: after[1] });
      }
      const key = (row: Row) => [String(row.dq_run_ts), Number(row.batch_id)];
      return page(METRICS, limit, { conditions, order: "dq_run_ts DESC, batch_id DESC", key }, parameters, "metrics");
    },

    async samples({ reason, batch_id, limit, cursor }) {
      const after = readCursor("samples", ["bigint", "text", "integer", "bigint", "text"], cursor);
      const conditions: string[] = [];
      const parameters: Parameters = {};
      if (reason !== undefined) {
        conditions.push("dq_violation_reason = $reason");
        parameters.reason = reason;
      }
      if (batch_id !== undefined) {
        conditions.push("batch_id = $batch_id::BIGINT");
        parameters.batch_id = batch_id;
      }
      if (after !== undefined) {
        conditions.push(
          `(-batch_id, topic, partition, "offset", dq_violation_reason) > (-$after_batch::BIGINT, $after_topic, $after_partition::INTEGER, $after_offset::BIGINT, $after_reason)`,
        );
        const [after_batch, after_topic, after_partition, after_offset, after_reason] = after as [
          number,
          string,
          number,
          string,
          string,
        ];
        Object.assign(parameters, { after_batch, after_topic, after_partition, after_offset, after_reason });
      }
      const key = (row: Row) => [
        Number(row.batch_id),
        String(row.topic),
        Number(row.partition),
        String(row.offset),
        String(row.dq_violation_reason),
      ];
      return page(
        SAMPLES,
        limit,
        { conditions, order: `batch_id DESC, topic, partition, "offset", dq_violation_reason`, key },
        parameters,
        "samples",
      );
    },
  };
}

interface Sql {
  conditions: string[];
  order: string;
  /** the columns that `order` sorts by, of a row as answered */
  key(row: Row): (string | number)[];
}
