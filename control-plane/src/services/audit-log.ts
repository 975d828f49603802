import { parseInstant } from "../domain/delta/instant.ts";
import { invalidRequest } from "../domain/problem.ts";
import { readRange } from "../domain/revenue/range.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import type { AuditEntry } from "./rows.ts";

export interface AuditRow extends AuditEntry {
  id: string;
  at: Date;
}

/** What entries are asked for; what is undefined does not matter. `from` and `to` are microseconds since 1970. */
export interface AuditFilter {
  target: string | undefined;
  actor: string | undefined;
  action: string | undefined;
  from: bigint | undefined;
  to: bigint | undefined;
}

export interface AuditLogStore {
  /** newest first */
  list(filter: AuditFilter, limit: number, beforeId: number | null): Promise<AuditRow[]>;
  /** Writes of something that no transaction of the database is about. */
  add(entry: AuditEntry): Promise<void>;
}

export interface AuditRequest {
  target?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  /** ISO-8601 with zone; entries at or after it */
  from?: string | undefined;
  /** ISO-8601 with zone; entries before it */
  to?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** Who changed what. */
export class AuditLog {
  private readonly store: AuditLogStore;

  constructor(store: AuditLogStore) {
    this.store = store;
  }

  /** A page of entries, newest first. @throws Problem `invalid_request` */
  async list(request: AuditRequest): Promise<{ items: AuditRow[]; nextCursor: string | null }> {
    const { target, actor, action, limit, cursor } = request;
    const { range, errors } = readRange(request, parseInstant);
    const before = readCursor("audit", ["bigint"], cursor)?.[0];
    if (errors.length > 0) throw invalidRequest(errors);
    const filter = { target, actor, action, ...range };
    const rows = await this.store.list(filter, limit + 1, before === undefined ? null : Number(before));
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    return { items, nextCursor: last === undefined ? null : writeCursor("audit", [Number(last.id)]) };
  }
}
