import { compareOverrides, type LetInRow } from "../../domain/reconciliation/overrides.ts";
import type { Compared } from "./ports.ts";
import { findPlaces, type Scope } from "./scope.ts";
import { SILVER } from "./tables.ts";

export const OVERRIDES = "silver.overrides";
const NAMED_AT_MOST = 10;

/** What a check has at hand of silver's rows. */
interface Rows {
  /** SQL of those that came, or of all */
  rows: string;
  /** SQL of bronze's, likewise */
  source: string;
  /** SQL of all of silver's rows at the version */
  all: () => Promise<string>;
}

/** Rows that people let in are those that the database says are applied, each once; and each was refused before. */
export async function checkOverrides(
  scope: Scope,
  version: number,
  before: Compared | null,
  { rows, source, all }: Rows,
): Promise<void> {
  const found = await scope.engine.query(
    `SELECT override::VARCHAR AS number, partition, "offset"::VARCHAR AS "offset", count(*)::VARCHAR AS records
     FROM ${rows} WHERE override IS NOT NULL GROUP BY ALL ORDER BY min(override)`,
  );
  const letIn = found.map((row) => ({
    number: Number(row.number),
    partition: Number(row.partition),
    offset: String(row.offset),
    rows: Number(row.records),
  }));
  for (const row of letIn) scope.tally.add(OVERRIDES, BigInt(row.rows));
  await compareWithBooks(scope, version, letIn, before?.version ?? null);
  if (letIn.length > 0) await refusedBefore(scope, { rows, source, all });
}

/** Also where no row has come: more may have been told by now. @param found rows that came after a version, or all without one */
export async function compareWithBooks(
  { tally, overrides, topic, generationOf }: Scope,
  version: number,
  found: readonly LetInRow[],
  after: number | null,
): Promise<void> {
  const booked = await overrides.booked(topic, generationOf(SILVER), SILVER, version);
  const { expected, untold, wrong } = compareOverrides(booked, tally.of(OVERRIDES), found, after);
  tally.set(`${OVERRIDES}.expected`, expected);
  tally.set(`${OVERRIDES}.untold`, untold);
  for (const text of wrong.slice(0, NAMED_AT_MOST)) tally.found(OVERRIDES, text);
  if (wrong.length > NAMED_AT_MOST) tally.found(OVERRIDES, `and ${wrong.length - NAMED_AT_MOST} more`);
}

/** A record that people let in was refused before, unless a replay let it in at once. */
async function refusedBefore(scope: Scope, { rows, source, all }: Rows): Promise<void> {
  await findPlaces(
    scope,
    () => OVERRIDES,
    "let in, and not refused before",
    `SELECT decided.partition, decided."offset" FROM ${rows} AS decided
       LEFT JOIN (SELECT partition, "offset", outcome FROM ${await all()} WHERE override IS NULL) AS own
         ON own.partition = decided.partition AND own."offset" = decided."offset"
       LEFT JOIN (SELECT DISTINCT partition, "offset" FROM ${source}) AS wanted
         ON wanted.partition = decided.partition AND wanted."offset" = decided."offset"
     WHERE decided.override IS NOT NULL AND
       (own.outcome = 'accepted' OR (own.outcome IS NULL AND wanted.partition IS NULL))`,
  );
}
