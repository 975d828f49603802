import type { DiffSummary, RecordChange, WindowChange } from "../../domain/replay/diff.ts";
import type { DiffStore } from "../../services/replay/comparison/ports.ts";
import type { Database, Queryable } from "./database.ts";

/** Rows of one statement, which must end within its time limit. */
const AT_ONCE = 5_000;

const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/** Comparisons of replays with the live generation in Postgres. */
export function createDiffStore(db: Database): DiffStore {
  return {
    save: (summary, windows, records) =>
      db.transaction(async (tx) => {
        await tx.query("DELETE FROM replay_diffs WHERE replay = $1", [summary.replay]);
        await tx.query("INSERT INTO replay_diffs (replay, summary, compared_at) VALUES ($1, $2, $3)", [
          ...[summary.replay, JSON.stringify(summary), summary.comparedAt],
        ]);
        for (const some of chunks(windows)) await insertWindows(tx, summary.replay, some);
        for (const some of chunks(records)) await insertRecords(tx, summary.replay, some);
      }),

    async find(replay) {
      const rows = await db.query<{ summary: DiffSummary }>("SELECT summary FROM replay_diffs WHERE replay = $1", [
        replay,
      ]);
      return rows[0]?.summary ?? null;
    },

    async windows(replay, { kind, plan_tier, region, currency, from, to }, limit, after) {
      const rows = await db.query<WindowRow>(
        `SELECT kind, to_char(window_start AT TIME ZONE 'UTC', ${INSTANT}) AS window_start, to_char(window_end AT TIME ZONE 'UTC', ${INSTANT}) AS window_end,
           plan_tier, region, currency, revenue_before::text, revenue_after::text, event_count_before::text, event_count_after::text, final,
           (coalesce(revenue_after, 0) - coalesce(revenue_before, 0))::text AS revenue,
           (coalesce(event_count_after, 0) - coalesce(event_count_before, 0))::text AS event_count
         FROM replay_diff_windows WHERE replay = $1
           AND ($2::text IS NULL OR kind = $2) AND ($3::text[] IS NULL OR plan_tier = ANY($3)) AND ($4::text[] IS NULL OR region = ANY($4))
           AND ($5::text[] IS NULL OR currency = ANY($5)) AND ($6::timestamptz IS NULL OR window_start >= $6) AND ($7::timestamptz IS NULL OR window_start < $7)
           AND ($8::timestamptz IS NULL OR (window_start, window_end, plan_tier, region, currency) > ($8, $9::timestamptz, $10, $11, $12))
         ORDER BY replay_diff_windows.window_start, replay_diff_windows.window_end, plan_tier, region, currency LIMIT $13`,
        [
          ...[replay, kind ?? null, plan_tier ?? null, region ?? null, currency ?? null, from ?? null, to ?? null],
          ...(after ?? [null, null, null, null, null]),
          limit,
        ],
      );
      return rows.map(windowOf);
    },

    records: (replay, { kind, before, after: outcome, partition }, limit, after) =>
      db.query<RecordChange>(
        `SELECT kind, topic, partition, "offset"::text AS "offset", columns, before, after FROM replay_diff_records WHERE replay = $1
           AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR outcome_before = $3) AND ($4::text IS NULL OR outcome_after = $4)
           AND ($5::integer IS NULL OR partition = $5) AND ($6::text IS NULL OR (topic, partition, "offset") > ($6, $7::integer, $8::bigint))
         ORDER BY topic, partition, replay_diff_records."offset" LIMIT $9`,
        [
          ...[replay, kind ?? null, before ?? null, outcome ?? null, partition ?? null],
          ...(after ?? [null, null, null]),
          limit,
        ],
      ),
  };
}

type WindowRow = Pick<
  WindowChange,
  "kind" | "window_start" | "window_end" | "plan_tier" | "region" | "currency" | "final"
> & {
  revenue_before: string | null;
  revenue_after: string | null;
  event_count_before: string | null;
  event_count_after: string | null;
  revenue: string;
  event_count: string;
};

function windowOf(row: WindowRow): WindowChange {
  const figure = (revenue: string | null, events: string | null) =>
    revenue === null || events === null ? null : { revenue, event_count: events };
  const { kind, window_start, window_end, plan_tier, region, currency, final } = row;
  return {
    ...{ kind, window_start: shortened(window_start), window_end: shortened(window_end), plan_tier, region, currency },
    before: figure(row.revenue_before, row.event_count_before),
    after: figure(row.revenue_after, row.event_count_after),
    difference: { revenue: row.revenue, event_count: row.event_count },
    final,
  };
}

/** An instant as all answers write it: without digits that say nothing. */
function shortened(instant: string): string {
  return instant.replace(/(?:\.000000|(?<=\.\d{3})000)Z$/, "Z");
}

async function insertWindows(tx: Queryable, replay: string, windows: readonly WindowChange[]): Promise<void> {
  const rows = windows.map(({ before, after, difference: _, ...window }) => ({
    ...window,
    revenue_before: before?.revenue ?? null,
    event_count_before: before?.event_count ?? null,
    revenue_after: after?.revenue ?? null,
    event_count_after: after?.event_count ?? null,
  }));
  await tx.query(
    `INSERT INTO replay_diff_windows (replay, window_start, window_end, plan_tier, region, currency, kind, revenue_before, event_count_before,
       revenue_after, event_count_after, final)
     SELECT $1, window_start, window_end, plan_tier, region, currency, kind, revenue_before, event_count_before, revenue_after, event_count_after, final
     FROM jsonb_to_recordset($2) AS w(window_start timestamptz, window_end timestamptz, plan_tier text, region text, currency text, kind text,
       revenue_before numeric, event_count_before bigint, revenue_after numeric, event_count_after bigint, final boolean)`,
    [replay, JSON.stringify(rows)],
  );
}

async function insertRecords(tx: Queryable, replay: string, records: readonly RecordChange[]): Promise<void> {
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await tx.query(
    // A record that stands twice in a table differs more than once; one of these tells it.
    `INSERT INTO replay_diff_records (replay, topic, partition, "offset", kind, outcome_before, outcome_after, columns, before, after)
     SELECT $1, topic, partition, "offset", kind, outcome_before, outcome_after, string_to_array(columns, ','), before, after
     FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::json[], $10::json[])
       AS r(topic, partition, "offset", kind, outcome_before, outcome_after, columns, before, after)
     ON CONFLICT DO NOTHING`,
    [
      replay,
      records.map(({ topic }) => topic),
      records.map(({ partition }) => partition),
      records.map(({ offset }) => offset),
      records.map(({ kind }) => kind),
      records.map(({ before }) => before?.outcome ?? null),
      records.map(({ after }) => after?.outcome ?? null),
      records.map(({ columns }) => columns.join(",")),
      records.map(({ before }) => json(before)),
      records.map(({ after }) => json(after)),
    ],
  );
}

function chunks<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / AT_ONCE);
  return Array.from({ length: count }, (_, at) => rows.slice(at * AT_ONCE, (at + 1) * AT_ONCE));
}
