import type { CommitFilter, CommitStore } from "../../services/revenue/ports.ts";
import type { LedgerRow } from "../../services/rows.ts";
import type { Database } from "./database.ts";
import { LEDGER_COLUMNS } from "./ledger.ts";

/** Commits by the ledger in Postgres, found by when they were made or by batch. */
export function createCommitStore(db: Database): CommitStore {
  return {
    async find({ generation, table, kind, by, order, limit, ...bounds }: CommitFilter) {
      const {
        until = null,
        after = null,
        fromBatch = null,
        throughBatch = null,
        throughVersion = null,
        batches = null,
      } = bounds;
      // Of two rows of one batch the newer one says where it is.
      const direction = order === "newest" ? "DESC" : "ASC";
      return db.query<LedgerRow>(
        `SELECT ${LEDGER_COLUMNS} FROM ledger
         WHERE generation = $1 AND "table" = $2 AND kind = $3
           AND ($4::timestamptz IS NULL OR at <= $4) AND ($5::timestamptz IS NULL OR at > $5)
           AND ($6::bigint IS NULL OR batch >= $6) AND ($7::bigint IS NULL OR batch <= $7)
           AND ($8::bigint IS NULL OR version <= $8) AND ($9::bigint[] IS NULL OR batch = ANY($9))
         ORDER BY ${by === "time" ? "at" : "batch"} ${direction}, version ${direction} LIMIT $10`,
        [generation, table, kind, until, after, fromBatch, throughBatch, throughVersion, batches, limit],
      );
    },
  };
}
