import type { AuditEntry } from "../../services/rows.ts";
import type { SpecStore } from "../../services/specs/ports.ts";
import type { Database, Queryable } from "./database.ts";
import { insertDedicated, recordChange } from "./declare.ts";

/** Changes of specs in Postgres. */
export function createSpecStore(db: Database): SpecStore {
  return {
    saveJob: (change) =>
      db.transaction(async (tx) => {
        if (change.dedicated !== null) await insertDedicated(tx, change.of, change.pipeline, change.dedicated);
        return save(
          tx,
          `UPDATE jobs SET spec = $3, application = $4, revision = revision + 1 WHERE id = $1 AND revision = $2
           RETURNING revision`,
          [change.of, change.revision, change.spec, change.application],
          change.audit,
        );
      }),

    saveApplication: (change) =>
      db.transaction(async (tx) => {
        const revision = await save(
          tx,
          `UPDATE applications SET spec = $3, revision = revision + 1 WHERE name = $1 AND revision = $2
           RETURNING revision`,
          [change.of, change.revision, change.spec],
          change.audit,
        );
        if (revision === null) return null;
        // What failed with the old spec says nothing about the new one: an application that had given up is tried again.
        await tx.query("UPDATE jobs SET desired_since = now() WHERE application = $1 AND desired = 'running'", [
          change.of,
        ]);
        return revision;
      }),
  };
}

async function save(tx: Queryable, update: string, values: unknown[], audit: AuditEntry): Promise<number | null> {
  const [row] = await tx.query<{ revision: number }>(update, values);
  if (row === undefined) return null;
  await recordChange(tx, audit, row.revision);
  return row.revision;
}
