import type { PublicationRow, PublicationStatus, PublicationStore } from "../../services/publications/ports.ts";
import { insertAudit } from "./audit.ts";
import type { Database } from "./database.ts";

const COLUMNS = `name, paused_at AS "pausedAt", paused_by AS "pausedBy", generation, position, published, waiting, unaccounted,
  last_published_at AS "lastPublishedAt", error, error_since AS "errorSince", checked_at AS "checkedAt"`;

interface Kept extends Omit<PublicationStatus, "published" | "waiting" | "unaccounted" | "checkedAt"> {
  name: string;
  pausedAt: Date | null;
  pausedBy: string | null;
  published: string;
  waiting: string;
  unaccounted: string;
  checkedAt: Date | null;
}

/** Publications in Postgres. */
export function createPublicationStore(db: Database): PublicationStore {
  return {
    async list(pipeline) {
      const rows = await db.query<Kept>(`SELECT ${COLUMNS} FROM publications WHERE pipeline = $1 ORDER BY name`, [
        pipeline,
      ]);
      return rows.map(toRow);
    },

    async find(pipeline, name) {
      const rows = await db.query<Kept>(`SELECT ${COLUMNS} FROM publications WHERE pipeline = $1 AND name = $2`, [
        pipeline,
        name,
      ]);
      return rows[0] === undefined ? null : toRow(rows[0]);
    },

    async saveStatus(pipeline, name, status) {
      await db.query(
        `INSERT INTO publications (pipeline, name, generation, position, published, waiting, unaccounted, last_published_at,
           error, error_since, checked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (pipeline, name) DO UPDATE SET (generation, position, published, waiting, unaccounted, last_published_at,
           error, error_since, checked_at) = ($3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [
          pipeline,
          name,
          status.generation,
          JSON.stringify(status.position),
          String(status.published),
          String(status.waiting),
          String(status.unaccounted),
          status.lastPublishedAt,
          status.error,
          status.errorSince,
          status.checkedAt,
        ],
      );
    },

    setPaused: (pipeline, name, paused, audit) =>
      db.transaction(async (tx) => {
        await tx.query(
          "INSERT INTO publications (pipeline, name) VALUES ($1, $2) ON CONFLICT (pipeline, name) DO NOTHING",
          [pipeline, name],
        );
        const changed = await tx.query(
          `UPDATE publications SET paused_at = CASE WHEN $3 THEN now() END, paused_by = CASE WHEN $3 THEN $4 END
           WHERE pipeline = $1 AND name = $2 AND (paused_at IS NOT NULL) <> $3 RETURNING name`,
          [pipeline, name, paused, audit.actor],
        );
        if (changed.length > 0) await insertAudit(tx, audit);
      }),
  };
}

function toRow({
  name,
  pausedAt,
  pausedBy,
  checkedAt,
  published,
  waiting,
  unaccounted,
  ...rest
}: Kept): PublicationRow {
  const status =
    checkedAt === null
      ? null
      : {
          generation: rest.generation,
          position: rest.position,
          published: BigInt(published),
          waiting: BigInt(waiting),
          unaccounted: BigInt(unaccounted),
          lastPublishedAt: rest.lastPublishedAt,
          error: rest.error,
          errorSince: rest.errorSince,
          checkedAt,
        };
  return { name, pausedAt, pausedBy, status };
}
