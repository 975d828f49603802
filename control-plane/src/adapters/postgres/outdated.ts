import { readdir } from "node:fs/promises";
import { basename, extname } from "node:path";
import type pg from "pg";
import { Problem } from "../../domain/problem.ts";

/** Why this process does not bring the database up to date; null while it may. */
export type WaitsFor = () => string | null;

/**
 * How Postgres refuses a statement that was written for another schema: of a table, a column, a type, a function, a constraint to
 * infer that are not there, and of a value that a check does not know yet.
 */
const MISFITS = ["42P01", "42703", "42704", "42883", "42P10", "23514"];
const UNDEFINED_TABLE = "42P01";

/**
 * Tells a database that is not up to date yet from a mistake of ours: until it may decide a control plane leaves the database
 * as an older version needs it, and still answers.
 * @param migrations folder of the migrations that this version knows
 */
export function createOutdated(pool: pg.Pool, migrations: string, waitsFor: WaitsFor) {
  /** @returns `error`, or the 503 Problem that it comes from */
  return async function explain(error: unknown): Promise<unknown> {
    if (!(error instanceof Error && "code" in error && MISFITS.includes(String(error.code)))) return error;
    const lacks = await lacking(pool, migrations).catch(() => null);
    return lacks === null ? error : notUpToDate(lacks, waitsFor(), error);
  };
}

/** @returns what the database lacks, or lacked when a statement failed a moment ago; null where it has everything */
async function lacking(pool: pg.Pool, folder: string): Promise<string | null> {
  const known = (await readdir(folder)).map((file) => basename(file, extname(file))).sort();
  const made = await madeIn(pool);
  const first = known.find((name) => !made.has(name));
  if (first !== undefined) return `It lacks the migrations from ${first} on.`;
  return [...made.values()].includes(true) ? "It has been brought up to date this moment." : null;
}

/** @returns the names of the migrations that the database has, and whether each was made within the last minute */
async function madeIn(pool: pg.Pool): Promise<Map<string, boolean>> {
  try {
    const { rows } = await pool.query<{ name: string; is_new: boolean }>(
      "SELECT name, run_on > localtimestamp - interval '1 minute' AS is_new FROM migrations",
    );
    return new Map(rows.map((row) => [row.name, row.is_new]));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === UNDEFINED_TABLE) return new Map();
    throw error;
  }
}

function notUpToDate(lacks: string, reason: string | null, cause: Error): Problem {
  const [who, next] =
    reason === null
      ? [
          "This control plane brings it up to date now.",
          "Try again in some seconds; GET /readyz says how far the start has come.",
        ]
      : [
          `This control plane stands by, and brings it up to date once it decides: ${reason}.`,
          "Ask the control plane that decides; GET /readyz says why this one does not.",
        ];
  return new Problem(
    {
      status: 503,
      code: "not_ready",
      title: "The database is not up to date yet",
      detail: `${lacks} ${who}`,
      next,
    },
    { cause },
  );
}
