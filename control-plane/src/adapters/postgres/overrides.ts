import type { NewEvent } from "../../domain/event.ts";
import { type AssignedOverride, placeText } from "../../domain/override.ts";
import type { BookedOverride } from "../../domain/reconciliation/overrides.ts";
import type { OverrideRow, OverrideStore, OverridesToApply } from "../../services/overrides.ts";
import type { HeardEvent } from "../../services/ports.ts";
import type { DecidedOverrides } from "../../services/reconciliation/ports.ts";
import { insertAudit } from "./audit.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const COLUMNS = `number::int AS number, topic, partition, "offset"::text AS "offset", reason, fields, outcome, created_by AS "createdBy",
  created_at AS "createdAt", state, settled_at AS "settledAt", reasons, event_id AS "eventId", duplicate_of AS "duplicateOf",
  version::int AS version, batch::int AS batch`;

/** An assignment is sent several times a second; what is more waits until these are settled, or are met. */
const ASSIGNED_AT_ONCE = 500;

/** Overrides in Postgres. */
export function createOverrideStore(db: Database): OverrideStore & OverridesToApply & DecidedOverrides {
  return {
    insert: (wish, audit) =>
      db.transaction(async (tx) => {
        const [row] = await tx.query<OverrideRow>(
          `INSERT INTO overrides (pipeline, topic, partition, "offset", reason, fields, outcome, created_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (topic, partition, "offset") WHERE state <> 'refused' DO NOTHING RETURNING ${COLUMNS}`,
          [
            ...[wish.pipeline, wish.topic, wish.partition, wish.offset, wish.reason],
            ...[JSON.stringify(wish.fields), wish.outcome, wish.createdBy],
          ],
        );
        if (row === undefined) return null;
        await insertAudit(tx, audit(row.number));
        await insertEvents(tx, [eventOf("override.created", row)]);
        return row;
      }),

    async find(number) {
      const rows = await db.query<OverrideRow>(`SELECT ${COLUMNS} FROM overrides WHERE number = $1`, [number]);
      return rows[0] ?? null;
    },

    async of({ topic, partition, offset }) {
      const rows = await db.query<OverrideRow>(
        `SELECT ${COLUMNS} FROM overrides WHERE topic = $1 AND partition = $2 AND "offset" = $3 AND state <> 'refused'`,
        [topic, partition, offset],
      );
      return rows[0] ?? null;
    },

    newestOf: (places) =>
      db.query<OverrideRow>(
        `SELECT ${COLUMNS} FROM overrides WHERE overrides.number IN
           (SELECT max(number) FROM overrides
            WHERE (topic, partition, "offset") IN (SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]))
            GROUP BY topic, partition, "offset")`,
        [places.map(({ topic }) => topic), places.map((each) => each.partition), places.map(({ offset }) => offset)],
      ),

    async standing(pipeline) {
      const rows = await db.query<{ number: number }>(
        "SELECT number::int AS number FROM overrides WHERE pipeline = $1 AND state <> 'refused' ORDER BY number",
        [pipeline],
      );
      return rows.map(({ number }) => number);
    },

    list: (state, limit, before) =>
      db.query<OverrideRow>(
        `SELECT ${COLUMNS} FROM overrides WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR number < $2)
         ORDER BY overrides.number DESC LIMIT $3`,
        [state, before, limit],
      ),

    async toApply(pipeline, job, generation, table) {
      const [row] = await db.query<{ overrides: AssignedOverride[]; anyApplied: boolean }>(
        // Those whose records are behind come first, then those that the job meets next, whatever partition they are in.
        `WITH read_up_to AS (
           SELECT entry->'through' AS through FROM ledger
           WHERE job = $2 AND generation = $3 AND "table" = $4 ORDER BY version DESC LIMIT 1),
         placed AS (
           SELECT overrides.*, "offset" -
             coalesce((SELECT (through->topic->>partition::text)::bigint FROM read_up_to), 0) AS ahead
           FROM overrides WHERE pipeline = $1 AND state <> 'refused'),
         due AS (
           SELECT number, topic, partition, "offset"::text AS "offset", fields AS set FROM placed
           WHERE state = 'pending' OR ahead >= 0 OR NOT EXISTS
             (SELECT 1 FROM override_settlements AS ended WHERE ended.number = placed.number AND ended.generation = $3)
           ORDER BY greatest(ahead, -1), placed.number LIMIT $5)
         SELECT (SELECT coalesce(jsonb_agg(to_jsonb(due) ORDER BY number), '[]') FROM due) AS overrides,
                EXISTS (SELECT 1 FROM overrides WHERE pipeline = $1 AND state = 'applied') AS "anyApplied"`,
        [pipeline, job, generation, table, ASSIGNED_AT_ONCE],
      );
      return row ?? { overrides: [], anyApplied: false };
    },

    booked: (topic, generation, table, version) =>
      // What a batch of a replay let in has no commit of its own: it is there once the record has been read.
      db.query<BookedOverride>(
        `WITH read_up_to AS (
           SELECT entry->'through' AS through FROM ledger
           WHERE generation = $2 AND "table" = $3 AND version <= $4 ORDER BY version DESC LIMIT 1)
         SELECT overrides.number::int AS number, partition, "offset"::text AS "offset", ended.version::int AS version,
           CASE WHEN coalesce(ended.state, overrides.state) = 'refused' THEN 'refused'
             WHEN ended.state = 'applied' AND coalesce(ended.version <= $4,
               "offset" < (SELECT (through->topic->>partition::text)::bigint FROM read_up_to), false) THEN 'applied'
             ELSE 'open' END AS state
         FROM overrides LEFT JOIN override_settlements AS ended ON ended.number = overrides.number AND ended.generation = $2
         WHERE topic = $1 ORDER BY overrides.number`,
        [topic, generation, table, version],
      ),
  };
}

/**
 * Saves what a job reports of an override. What becomes of one is what becomes of it in the live tables: a shadow, which may come
 * first, has it settled for its own generation.
 * @returns the event of it; none when it was settled before: a replay applies it once more
 */
export async function settleOverride(tx: Queryable, event: HeardEvent): Promise<NewEvent[]> {
  const { data, at, generation } = event;
  await tx.query(
    // A table that was put back to an older state has it applied once more, in another version.
    `INSERT INTO override_settlements (number, generation, state, version)
     SELECT number, $2, $3, $4 FROM overrides WHERE number = $1
     ON CONFLICT (number, generation) DO UPDATE SET state = excluded.state,
       version = coalesce(excluded.version, override_settlements.version)`,
    [data.number, generation, data.state, data.version ?? null],
  );
  if (event.about !== event.job) return [];
  const [row] = await tx.query<OverrideRow>(
    `UPDATE overrides SET state = $2, reasons = $3, event_id = $4, duplicate_of = $5, version = $6, batch = $7, settled_at = $8
     WHERE number = $1 AND state = 'pending' RETURNING ${COLUMNS}`,
    [
      ...[data.number, data.state, data.reasons, data.eventId ?? null],
      ...[data.duplicateOf ?? null, data.version ?? null, data.batch ?? null, at],
    ],
  );
  return row === undefined ? [] : [eventOf(row.state === "applied" ? "override.applied" : "override.refused", row)];
}

function eventOf(type: NewEvent["type"], row: OverrideRow): NewEvent {
  const { number, topic, partition, offset, reasons, eventId } = row;
  const place = placeText(row);
  return {
    type,
    subjects: [`override:${number}`, place],
    data: { number, topic, partition, offset, reasons, eventId },
  };
}
