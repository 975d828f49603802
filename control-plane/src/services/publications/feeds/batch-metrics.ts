import { ownHeaders } from "../../../domain/publications/outgoing-record.ts";
import type { Feed, Page, PageRequest } from "../ports.ts";

/** The rows of a table of metrics, one per batch, as JSON: columns that are added later reach consumers by themselves. */
export function batchMetricsFeed(table: string): Feed {
  return {
    table,
    async page({ set, generation, position, limits }: PageRequest): Promise<Page | null> {
      const snapshot = set.snapshot(table);
      if (snapshot === undefined) return null;
      const columns = snapshot.columns.map(({ name }) => name);
      const after = position === null ? null : readBatch(position);
      const parameters = { after };
      const isAfter = "($after::BIGINT IS NULL OR coalesce(batch_id, -1) > $after::BIGINT)";
      const [counts] = await set.query(
        `SELECT count(*)::VARCHAR AS rows, count(*) FILTER (${isAfter})::VARCHAR AS waiting
         FROM ${set.relation(table, ["batch_id"])}`,
        parameters,
      );
      const waiting = BigInt(String(counts?.waiting));
      const passed = BigInt(String(counts?.rows)) - waiting;
      if (waiting === 0n) return { records: [], position, passed, waiting };
      const rows = await set.query(
        `SELECT * FROM ${set.relation(table, columns)} WHERE ${isAfter} ORDER BY batch_id LIMIT ${limits.records}`,
        parameters,
      );
      const records = rows.map((row) => ({
        key: Buffer.from(`${generation}/${row.batch_id}`),
        value: Buffer.from(JSON.stringify({ generation, ...row })),
        headers: ownHeaders({ id: `${generation}/${row.batch_id}`, table, generation }),
      }));
      return {
        records,
        position: { batch: String(rows.at(-1)?.batch_id ?? -1) },
        passed,
        waiting: waiting - BigInt(records.length),
      };
    },
  };
}

function readBatch(position: unknown): bigint {
  const { batch } = position as { batch?: unknown };
  if (!/^-?\d+$/.test(String(batch))) throw new Error(`no position among batches: ${JSON.stringify(position)}`);
  return BigInt(String(batch));
}
