import type { AuditLogStore, AuditRow } from "../../services/audit-log.ts";
import type { AuditEntry } from "../../services/rows.ts";
import type { Database, Queryable } from "./database.ts";

/** Writes who changed what; belongs into the transaction of the change. */
export async function insertAudit(tx: Queryable, entry: AuditEntry): Promise<void> {
  await tx.query(
    "INSERT INTO audit_log (actor, action, target, request_id, before, after) VALUES ($1, $2, $3, $4, $5, $6)",
    [
      entry.actor,
      entry.action,
      entry.target,
      entry.requestId,
      JSON.stringify(entry.before ?? null),
      JSON.stringify(entry.after ?? null),
    ],
  );
}

/** The audit log in Postgres. */
export function createAuditLogStore(db: Database): AuditLogStore {
  return {
    add: (entry) => insertAudit(db, entry),
    list: ({ target, actor, action, from, to }, limit, beforeId) =>
      db.query<AuditRow>(
        `SELECT id, at, actor, action, target, request_id AS "requestId", before, after FROM audit_log
         WHERE ($1::text IS NULL OR target = $1) AND ($2::text IS NULL OR actor = $2)
           AND ($3::text IS NULL OR action = $3)
           AND ($4::bigint IS NULL OR at >= timestamptz 'epoch' + $4 * interval '1 microsecond')
           AND ($5::bigint IS NULL OR at < timestamptz 'epoch' + $5 * interval '1 microsecond')
           AND ($6::bigint IS NULL OR id < $6)
         ORDER BY id DESC LIMIT $7`,
        [target ?? null, actor ?? null, action ?? null, from ?? null, to ?? null, beforeId, limit],
      ),
  };
}
