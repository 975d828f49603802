import type { Resume } from "./ports.ts";
import { figure, findPlaces, ledgerRows, newEntries, type Scope, throughOf } from "./scope.ts";
import { BRONZE } from "./tables.ts";

const COLUMNS = ["topic", "partition", "offset"];

export const offsetsLine = (partition: number | string) => `bronze.offsets.${partition}`;

/** Bronze's rows against the offsets that its ledger covers. @param before null counts all rows */
export async function checkBronze(scope: Scope, before: Resume["bronze"]): Promise<Resume["bronze"]> {
  const table = scope.table(BRONZE);
  if (table === undefined) return before;
  const entries = await newEntries(scope, table, before?.version ?? null);
  const through = { ...before?.through, ...throughOfNewest(entries) };
  const begins = before === null ? await beginning(scope, table.name) : {};
  const files = await table.filesBetween(before?.version ?? null, table.newest);
  const rows = await table.relation(table.newest, files, COLUMNS);
  const { tally } = scope;

  const counted = await scope.engine.query(
    `SELECT partition, count(*)::VARCHAR AS records, count(DISTINCT "offset")::VARCHAR AS offsets,
       min("offset")::VARCHAR AS first FROM ${rows} GROUP BY partition ORDER BY partition`,
  );
  for (const [partition, offset] of Object.entries(begins)) tally.add(`bronze.start.${partition}`, BigInt(offset));
  for (const row of counted) {
    const partition = String(row.partition);
    tally.add(`bronze.rows.${partition}`, figure(row, "records"));
    tally.add(`bronze.offsets.${partition}`, figure(row, "offsets"));
    const start = before?.through[partition] ?? begins[partition];
    if (start === undefined) tally.add(`bronze.start.${partition}`, figure(row, "first"));
  }
  const told = await ledgerRows(scope, BRONZE, before?.version ?? null, table.newest);
  tally.add("bronze.ledger", told.rowsIn ?? 0n);

  const bounds = (vector: Record<string, string>) =>
    Object.entries(vector).map(
      ([partition, offset]) => `(partition = ${Number(partition)} AND "offset" >= ${BigInt(offset)})`,
    );
  const beyond = bounds(through);
  await findPlaces(
    scope,
    offsetsLine,
    "rows beyond what the ledger covers",
    `SELECT partition, "offset" FROM ${rows} WHERE ${beyond.join(" OR ") || "true"}`,
  );
  await findPlaces(
    scope,
    offsetsLine,
    "more than one row",
    `SELECT partition, "offset" FROM ${rows} GROUP BY ALL HAVING count(*) > 1`,
  );
  const known = Object.entries(before?.through ?? {});
  if (known.length > 0) {
    const again = known.map(
      ([partition, offset]) => `(partition = ${Number(partition)} AND "offset" < ${BigInt(offset)})`,
    );
    await findPlaces(
      scope,
      offsetsLine,
      "rows for offsets that were read before",
      `SELECT partition, "offset" FROM ${rows} WHERE ${again.join(" OR ")}`,
    );
  }
  const offsets = counted.reduce((sum, row) => sum + figure(row, "offsets"), 0n);
  if ((told.rowsIn ?? 0n) > offsets) await nameGaps(scope, rows, before?.through ?? begins, through);
  return { version: table.newest, through };
}

/** Where a table that was told so begins: what its topic holds before that it was never to have. */
async function beginning(scope: Scope, table: string): Promise<Record<string, string>> {
  const [created] = await scope.ledger.entries(scope.generationOf(table), table, -1, 0);
  return created?.kind === "create" ? throughOf(created) : {};
}

/** Fewer rows than the ledger says: whatever is not there may be one of them. */
async function nameGaps(scope: Scope, rows: string, from: Record<string, string>, through: Record<string, string>) {
  const edges = (vector: Record<string, string>, shift: bigint) =>
    Object.entries(vector).map(
      ([partition, offset]) =>
        `SELECT ${Number(partition)} AS partition, ${BigInt(offset) + shift}::BIGINT AS "offset"`,
    );
  const all = [`SELECT partition, "offset" FROM ${rows}`, ...edges(from, -1n), ...edges(through, 0n)].join(" UNION ");
  const gaps = await scope.engine.query(
    `SELECT partition, ("offset" + 1)::VARCHAR AS first, (next - 1)::VARCHAR AS last FROM
       (SELECT partition, "offset", lead("offset") OVER (PARTITION BY partition ORDER BY "offset") AS next FROM (${all}))
     WHERE next > "offset" + 1 ORDER BY partition, "offset" LIMIT 100`,
  );
  for (const [partition, runs] of Map.groupBy(gaps, (row) => Number(row.partition))) {
    const named = runs.slice(0, 10).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
    scope.tally.found(
      offsetsLine(partition),
      `the ledger counts more rows than there are; no row in partition ${partition} for offsets ${named.join(", ")}`,
    );
  }
}

function throughOfNewest(entries: Parameters<typeof throughOf>[0][]): Record<string, string> {
  const newest = entries.findLast((entry) => Object.keys(throughOf(entry)).length > 0);
  return newest === undefined ? {} : throughOf(newest);
}
