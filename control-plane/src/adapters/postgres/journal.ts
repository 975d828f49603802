import type { EventFilter, EventType, JournalEvent, NewEvent } from "../../domain/event.ts";
import type { Journal } from "../../services/journal.ts";
import type { Database, Queryable } from "./database.ts";

/** Any number does that nobody else locks; see leadership.ts. */
const LOCK = 73_678_626;
const COLUMNS = "id::text AS id, at, type, subjects, data";
const MATCHES = "(cardinality($2::text[]) = 0 OR type = ANY($2)) AND (cardinality($3::text[]) = 0 OR subjects && $3)";

interface Stored {
  id: string;
  at: string | Date;
  type: EventType;
  subjects: string[];
  data: Record<string, unknown>;
}

/**
 * Writes events in the transaction of the change that they tell of, as its last statement: until the commit every
 * other writer waits here, so that ids become visible in their order.
 */
export async function insertEvents(tx: Queryable, events: NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
  await tx.query(
    `INSERT INTO events (type, subjects, data)
     SELECT type, subjects, data FROM jsonb_to_recordset($1) AS e(type text, subjects text[], data jsonb)`,
    [JSON.stringify(events)],
  );
}

/** The journal of events in Postgres. */
export function createJournal(db: Database): Journal {
  return {
    record: (event) => db.transaction((tx) => insertEvents(tx, [event])),

    async after(position, filter, limit) {
      // One statement, so that what is there and what is forgotten are seen at the same moment.
      const [row] = await db.query<{ events: Stored[]; forgotten: string; newest: string }>(
        `SELECT (SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY found.id::bigint), '[]')
                 FROM (SELECT ${COLUMNS} FROM events WHERE id > $1 AND ${MATCHES} ORDER BY events.id LIMIT $4) found) AS events,
                (SELECT coalesce(max(forgotten), 0) FROM event_horizons WHERE batches = ANY($5)) AS forgotten,
                (SELECT coalesce(max(id), (SELECT max(forgotten) FROM event_horizons)) FROM events) AS newest`,
        [String(position), filter.types, filter.subjects, limit, classesOf(filter)],
      );
      return {
        events: (row?.events ?? []).map(toEvent),
        forgotten: BigInt(row?.forgotten ?? 0),
        newest: BigInt(row?.newest ?? 0),
      };
    },

    async before(position, filter, limit) {
      const rows = await db.query<Stored>(
        `SELECT ${COLUMNS} FROM events WHERE ($1::bigint IS NULL OR id < $1) AND ${MATCHES} ORDER BY events.id DESC LIMIT $4`,
        [position === null ? null : String(position), filter.types, filter.subjects, limit],
      );
      return rows.map(toEvent);
    },

    async newest() {
      const [row] = await db.query<{ newest: string | null }>("SELECT max(id) AS newest FROM events");
      return BigInt(row?.newest ?? 0);
    },

    async prune(kept) {
      await forget(db, true, kept.batches);
      await forget(db, false, kept.others);
    },
  };
}

/** Keeps the newest of one class and remembers up to where the others were. */
function forget(db: Database, batches: boolean, kept: number): Promise<void> {
  return db.transaction(async (tx) => {
    const [row] = await tx.query<{ id: string }>(
      "SELECT id FROM events WHERE (type = 'batch.committed') = $1 ORDER BY id DESC OFFSET $2 LIMIT 1",
      [batches, kept],
    );
    if (row === undefined) return;
    await tx.query("DELETE FROM events WHERE (type = 'batch.committed') = $1 AND id <= $2", [batches, row.id]);
    await tx.query("UPDATE event_horizons SET forgotten = $2 WHERE batches = $1", [batches, row.id]);
  });
}

function classesOf({ types }: EventFilter): boolean[] {
  if (types.length === 0) return [true, false];
  return [...new Set(types.map((type) => type === "batch.committed"))];
}

function toEvent({ id, at, type, subjects, data }: Stored): JournalEvent {
  return { id: BigInt(id), at: new Date(at), type, subjects, data };
}
