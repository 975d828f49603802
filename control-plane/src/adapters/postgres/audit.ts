import type { AuditEntry } from "../../services/ports.ts";
import type { Queryable } from "./database.ts";

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
