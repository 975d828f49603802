import { ENDED_STATES } from "../../domain/replay/state.ts";
import type { ReplayChange, ReplayRow, ReplayStore } from "../../services/replay/ports.ts";
import { insertAudit } from "./audit.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const COLUMNS = `id, pipeline, job, state, phase, reason, request, plan, hash, generation, parent, target, verdict, certified, resuming,
  override, failure, steps, requested_by AS "requestedBy", request_id AS "requestId", created_at AS "createdAt", ended_at AS "endedAt",
  revision`;
const JSON_FIELDS: readonly string[] = ["target", "verdict", "certified", "override"];

/** Replays in Postgres. */
export function createReplayStore(db: Database): ReplayStore {
  return {
    insert: (replay, audit) =>
      db.transaction(async (tx) => {
        await lock(tx, replay.pipeline);
        const [row] = await tx.query<ReplayRow>(
          `INSERT INTO replays (id, pipeline, job, state, request, plan, hash, generation, parent, requested_by, request_id, steps)
           VALUES ($1, $2, $3, 'planned', $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (pipeline) WHERE ended_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
          [
            ...[replay.id, replay.pipeline, replay.job, JSON.stringify(replay.request), JSON.stringify(replay.plan)],
            ...[replay.hash, replay.generation, replay.parent, replay.requestedBy, replay.requestId],
            JSON.stringify([step("planned")]),
          ],
        );
        if (row === undefined) return { running: (await openOne(tx, replay.pipeline))?.id ?? "" };
        await insertAudit(tx, audit);
        const { id, job, generation, parent } = row;
        const data = { replay: id, job, generation, parent };
        await insertEvents(tx, [{ type: "replay.created", subjects: [id, job], data }]);
        return null;
      }),

    async find(id) {
      const rows = await db.query<ReplayRow>(`SELECT ${COLUMNS} FROM replays WHERE id = $1`, [id]);
      return rows[0] ?? null;
    },

    list: (pipeline, { state = null, job = null }, limit, before) =>
      db.query<ReplayRow>(
        `SELECT ${COLUMNS} FROM replays
         WHERE pipeline = $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR job = $3)
           AND ($4::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM replays WHERE id = $4))
         ORDER BY created_at DESC, id DESC LIMIT $5`,
        [pipeline, state, job, before, limit],
      ),

    open: (pipeline) => openOne(db, pipeline),

    save: (replay, change) =>
      db.transaction(async (tx) => {
        const saved = await update(tx, replay, change);
        return saved !== null;
      }),

    change: (id, decide, audit) =>
      db.transaction(async (tx) => {
        const [before] = await tx.query<ReplayRow>(`SELECT ${COLUMNS} FROM replays WHERE id = $1 FOR NO KEY UPDATE`, [
          id,
        ]);
        if (before === undefined) return { replay: null, running: null };
        const change = decide(before);
        await lock(tx, before.pipeline);
        const other = await openOne(tx, before.pipeline);
        const goesOn = change.state !== undefined && !ENDED_STATES.includes(change.state);
        if (goesOn && other !== null && other.id !== id) return { replay: before, running: other.id };
        await insertAudit(tx, audit(before, change));
        return { replay: await update(tx, before, change), running: null };
      }),
  };
}

/** Which replay is the one that has not ended is decided by one at a time. */
function lock(tx: Queryable, pipeline: string): Promise<unknown> {
  return tx.query("SELECT 1 FROM pipelines WHERE name = $1 FOR NO KEY UPDATE", [pipeline]);
}

async function openOne(on: Queryable, pipeline: string): Promise<ReplayRow | null> {
  const rows = await on.query<ReplayRow>(`SELECT ${COLUMNS} FROM replays WHERE pipeline = $1 AND ended_at IS NULL`, [
    pipeline,
  ]);
  return rows[0] ?? null;
}

/** @returns null when the replay has changed since it was read */
async function update(tx: Queryable, before: ReplayRow, change: ReplayChange): Promise<ReplayRow | null> {
  const after = { ...before, ...change };
  const isMove = after.state !== before.state || after.phase !== before.phase;
  const fields = Object.entries(change).filter(([, value]) => value !== undefined);
  const sets = fields.map(([name], index) => `${name} = $${index + 5}`);
  const [row] = await tx.query<ReplayRow>(
    `UPDATE replays SET ${[...sets, "revision = revision + 1"].join(", ")}, steps = steps || $3::jsonb,
       ended_at = CASE WHEN $4 THEN coalesce(ended_at, now()) END
     WHERE id = $1 AND revision = $2 RETURNING ${COLUMNS}`,
    [
      ...[before.id, before.revision],
      JSON.stringify(isMove ? [step([after.state, after.phase].filter((text) => text !== null).join(": "))] : []),
      ENDED_STATES.includes(after.state),
      ...fields.map(([name, value]) => (JSON_FIELDS.includes(name) && value !== null ? JSON.stringify(value) : value)),
    ],
  );
  if (row === undefined) return null;
  if (isMove) {
    const { id, job, state, phase, reason, failure, generation } = row;
    const from = { from: before.state, fromPhase: before.phase };
    const data = { replay: id, job, generation, ...from, to: state, phase, reason, failure };
    await insertEvents(tx, [{ type: "replay.state", subjects: [id, job], data }]);
  }
  return row;
}

function step(text: string) {
  return { step: text, at: new Date().toISOString() };
}
