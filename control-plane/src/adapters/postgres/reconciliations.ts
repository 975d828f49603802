import type { Report } from "../../domain/reconciliation/report.ts";
import type { ReconciliationStore, Resume } from "../../services/reconciliation/ports.ts";
import type { Database } from "./database.ts";

/** The newest check of each generation in Postgres. */
export function createReconciliationStore(db: Database): ReconciliationStore {
  return {
    async newest(generation) {
      const rows = await db.query<{ report: Report; resume: Resume | null }>(
        "SELECT report, resume FROM reconciliations WHERE generation = $1",
        [generation],
      );
      return rows[0] ?? null;
    },

    async save(report, resume) {
      await db.query(
        `INSERT INTO reconciliations (generation, report, resume) VALUES ($1, $2, $3)
         ON CONFLICT (generation) DO UPDATE SET report = excluded.report, resume = excluded.resume`,
        [report.generation, JSON.stringify(report), resume === null ? null : JSON.stringify(resume)],
      );
    },
  };
}
