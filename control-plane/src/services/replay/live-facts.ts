import { parseInstant } from "../../domain/delta/instant.ts";
import type { MeasuredRate } from "../../domain/replay/feasibility.ts";
import type { OffsetVector } from "../../domain/replay/offsets.ts";
import type { Journal } from "../journal.ts";
import type { DataFiles } from "../reconciliation/ports.ts";
import type { Snapshots } from "../snapshots.ts";

/** What a plan has to know of the live tables and jobs. */
export interface LiveFacts {
  /** bytes of the newest version of a table; 0 while it does not exist */
  size(table: string): Promise<bigint>;
  /** a data file of the newest version of a table that is not there; null where all are */
  missingFile(table: string): Promise<string | null>;
  /** the lowest offset of each partition that a table has rows of */
  firstOffsets(table: string): Promise<OffsetVector>;
  /** the lowest offset of each partition that has a row as young as a moment (ISO-8601) */
  firstOffsetsSince(table: string, moment: string): Promise<OffsetVector>;
  /** ids of the writers' schemas of the rows that could be decoded */
  writerSchemas(table: string): Promise<number[]>;
  /** the fastest of a job's last batches; null where none is known */
  bestBatch(job: string): Promise<MeasuredRate | null>;
}

/** Batches that are looked at for how fast a job can be. */
const BATCHES = 200;

/** `createLiveFacts({ snapshots, journal, files: dataFiles() })` */
export function createLiveFacts({
  snapshots,
  journal,
  files,
}: {
  snapshots: Snapshots;
  journal: Pick<Journal, "before">;
  files: DataFiles;
}): LiveFacts {
  return {
    size: (table) =>
      snapshots.read([table], async (set) => {
        const all = set.snapshot(table)?.files.values() ?? [];
        return [...all].reduce((sum, { size }) => sum + BigInt(size), 0n);
      }),

    missingFile: (table) =>
      snapshots.read([table], async (set) => {
        for (const { path } of set.snapshot(table)?.files.values() ?? []) {
          if ((await files.size(`${set.root(table)}/${path}`)) === undefined) return path;
        }
        return null;
      }),

    firstOffsets: (table) =>
      snapshots.read([table], async (set) => {
        const relation = set.relation(table, ["partition", "offset"]);
        if (relation === undefined) return {};
        const rows = await set.query(
          `SELECT "partition", min("offset")::VARCHAR AS first FROM ${relation} GROUP BY ALL ORDER BY "partition"`,
        );
        return Object.fromEntries(rows.map(({ partition, first }) => [String(partition), String(first)]));
      }),

    firstOffsetsSince: (table, moment) =>
      snapshots.read([table], async (set) => {
        const relation = set.relation(table, ["partition", "offset", "kafka_timestamp"]);
        if (relation === undefined) return {};
        const rows = await set.query(
          `SELECT "partition", min("offset")::VARCHAR AS first FROM ${relation}
           WHERE kafka_timestamp >= make_timestamptz(${parseInstant(moment)}) GROUP BY ALL ORDER BY "partition"`,
        );
        return Object.fromEntries(rows.map(({ partition, first }) => [String(partition), String(first)]));
      }),

    writerSchemas: (table) =>
      snapshots.read([table], async (set) => {
        const relation = set.relation(table, ["schema_id", "outcome"], ({ outcome }) => outcome !== "undecodable");
        if (relation === undefined) return [];
        const rows = await set.query(
          `SELECT DISTINCT schema_id FROM ${relation} WHERE outcome <> 'undecodable' AND schema_id IS NOT NULL ORDER BY schema_id`,
        );
        return rows.map((row) => Number(row.schema_id));
      }),

    async bestBatch(job) {
      const events = await journal.before(null, { types: ["batch.committed"], subjects: [job] }, BATCHES);
      const rates = events.flatMap(({ data: { rows, durationMs } }) =>
        typeof rows === "number" && typeof durationMs === "number" && rows > 0 && durationMs > 0
          ? [{ rows, ms: durationMs }]
          : [],
      );
      return rates.toSorted((one, other) => other.rows / other.ms - one.rows / one.ms)[0] ?? null;
    },
  };
}
