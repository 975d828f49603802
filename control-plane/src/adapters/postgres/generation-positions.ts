import type { GenerationPositions } from "../../services/replay/ports.ts";
import type { Database } from "./database.ts";

interface Found {
  at: Date;
  through: Record<string, string> | null;
  lowWatermark: string | null;
  finalThrough: string | null;
}

/** Positions of the jobs of any generation, from the ledger in Postgres. @param topic whose offsets positions are */
export function createGenerationPositions(db: Database, topic: string): GenerationPositions {
  return {
    async position(job, generation, tables, until) {
      const [row] = await db.query<Found>(
        `SELECT at, entry->'through'->$4 AS through, entry->>'lowWatermark' AS "lowWatermark",
           (SELECT max(entry->>'finalThrough') FROM
             (SELECT entry FROM ledger WHERE job = $1 AND generation = $2 AND "table" = ANY($5) AND kind = 'final'
                AND ($6::timestamptz IS NULL OR at <= $6) ORDER BY version DESC LIMIT 1) AS newest) AS "finalThrough"
         FROM ledger WHERE job = $1 AND generation = $2 AND "table" = $3 AND ($6::timestamptz IS NULL OR at <= $6)
           AND kind <> 'create'
         ORDER BY version DESC LIMIT 1`,
        [job, generation, tables[0] ?? "", topic, tables, until ?? null],
      );
      if (row === undefined) return null;
      return { ...row, through: row.through ?? {} };
    },
  };
}
