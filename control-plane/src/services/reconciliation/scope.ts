import { wholeVersion } from "../../domain/delta/whole-version.ts";
import { type Place, placesText, type Tally } from "../../domain/reconciliation/tally.ts";
import type { LedgerStore } from "../ledger.ts";
import type { Parameters, QueryEngine, Row } from "../query-engine.ts";
import { readVersion } from "../read-versions.ts";
import type { LedgerRow } from "../rows.ts";
import type { AuditedTable } from "./audited-table.ts";
import type { Compared, DecidedOverrides } from "./ports.ts";

/** More entries than these are not read for one step; a recount reads so many at once. */
export const ENTRIES_AT_ONCE = 5_000;

/** What every step of a check works on. */
export interface Scope {
  /** The generation whose ledger is a table's: an older one than the live one where no replay touched the table. */
  generationOf(table: string): number;
  tally: Tally;
  /** the topic that the tables are made from */
  topic: string;
  ledger: LedgerStore;
  overrides: DecidedOverrides;
  engine: QueryEngine;
  /** @returns undefined while the table has no commit */
  table(name: string): AuditedTable | undefined;
  times: { windowMs: number; dedupHorizonMs: number };
}

/** Ledger entries of a table's newest commits after a version, oldest first. */
export function newEntries(scope: Scope, table: AuditedTable, after: number | null): Promise<LedgerRow[]> {
  const first = Math.max(after ?? -1, table.newest - ENTRIES_AT_ONCE);
  return scope.ledger.entries(scope.generationOf(table.name), table.name, first, table.newest);
}

/** What the entries of commits after a version and up to another one say of rows; all of them without a version. */
export async function ledgerRows(
  scope: Scope,
  table: string,
  after: number | null,
  upTo: number,
): Promise<Record<string, bigint>> {
  if (after === null) return scope.ledger.sums(scope.generationOf(table), table, upTo);
  const entries = await scope.ledger.entries(scope.generationOf(table), table, after, upTo);
  const sums: Record<string, bigint> = {};
  for (const { entry } of entries) {
    const named = { ...(entry.rows as Record<string, number> | undefined), rowsIn: Number(entry.rowsIn ?? 0) };
    for (const [name, rows] of Object.entries(named)) sums[name] = (sums[name] ?? 0n) + BigInt(rows);
  }
  return sums;
}

/**
 * The newest version after a batch that ended with a whole version of the table that it reads: there both hold the same records.
 * Commits behind it that are no batch (ticks, decisions by people) read nothing, and so belong to it.
 * @returns null where none of the batches after `before` is such a one
 */
export async function newestCut(
  scope: Scope,
  source: AuditedTable,
  table: AuditedTable,
  before: Compared | null,
): Promise<Compared | null> {
  const { newest } = table;
  const entries = await newEntries(scope, table, before?.version ?? null);
  const batches = entries.filter(({ kind }) => kind === "batch");
  if (batches.length === 0) return before && newest > before.version ? { ...before, version: newest } : null;
  const read = { generation: scope.generationOf(source.name), table: source.name };
  for (const [later, row] of batches.toReversed().entries()) {
    const { batch, version, entry } = row;
    const named = wholeVersion(entry.source);
    // What the source's ledger does not know yet is looked at later.
    const upstream = named !== null && named > source.newest ? named : await readVersion(scope.ledger, read, row);
    if (upstream !== null) return { version: later === 0 ? newest : Number(version), upstream, batch: Number(batch) };
  }
  return null;
}

/** `through` of an entry for the one topic that it names. */
export function throughOf({ entry }: LedgerRow): Record<string, string> {
  const topics = Object.values((entry.through ?? {}) as Record<string, Record<string, string>>);
  return topics[0] ?? {};
}

/** A figure of a row, however large. */
export function figure(row: Row | undefined, column: string): bigint {
  return BigInt(String(row?.[column] ?? 0));
}

/** Runs of offsets of rows of a query with the columns `partition` and `offset`. */
export async function places(scope: Scope, rows: string, parameters?: Parameters): Promise<Place[]> {
  const found = await scope.engine.query(
    `SELECT partition, min("offset")::VARCHAR AS first, max("offset")::VARCHAR AS last FROM
       (SELECT partition, "offset", "offset" - row_number() OVER (PARTITION BY partition ORDER BY "offset") AS run
        FROM (SELECT DISTINCT partition, "offset" FROM (${rows})))
     GROUP BY partition, run ORDER BY partition, min("offset") LIMIT 11`,
    parameters,
  );
  return found.map((row) => ({
    partition: Number(row.partition),
    first: figure(row, "first"),
    last: figure(row, "last"),
  }));
}

/** Notes the rows of a query as wrong, with their places; nothing when there are none. */
export async function findPlaces(scope: Scope, line: (partition: number) => string, text: string, rows: string) {
  const byPartition = Map.groupBy(await places(scope, rows), ({ partition }) => partition);
  for (const [partition, runs] of byPartition) scope.tally.found(line(partition), `${text}: ${placesText(runs)}`);
}
