import { type ChainEnd, type ChainLink, followChain } from "../../domain/reconciliation/chain.ts";
import type { LedgerRow } from "../rows.ts";
import type { AuditedTable } from "./audited-table.ts";
import type { Resume } from "./ports.ts";
import { ENTRIES_AT_ONCE, type Scope } from "./scope.ts";
import { EVERY_BATCH } from "./tables.ts";

export const ledgerLine = (table: string) => `ledger.${table}`;
export const filesLine = (table: string) => `files.${table}`;

type Chain = Resume["chains"][string];

/** Follows the ledger of one table up to its newest version. @param before undefined follows all that is kept */
export async function checkChain(
  scope: Scope,
  table: AuditedTable,
  before: Chain | undefined,
): Promise<Chain | undefined> {
  let end: ChainEnd | undefined = before?.end;
  for (let after = before?.version ?? -1; after < table.newest; after += ENTRIES_AT_ONCE) {
    const upTo = Math.min(after + ENTRIES_AT_ONCE, table.newest);
    const entries = await scope.ledger.entries(scope.generationOf(table.name), table.name, after, upTo);
    const followed = followChain(end, entries.map(link), EVERY_BATCH.includes(table.name));
    for (const text of followed.breaks) scope.tally.found(ledgerLine(table.name), text);
    scope.tally.add(`ledger.entries.${table.name}`, BigInt(entries.length));
    end = followed.end;
  }
  return end === undefined ? undefined : { version: table.newest, end };
}

/** Rows come with a ledger entry and never go: whatever else a commit did was not a job. */
export async function checkCommits(scope: Scope, table: AuditedTable, after: number): Promise<void> {
  for (const { version, added, removed, entry } of await table.changesBetween(after, table.newest)) {
    if (removed.length > 0) {
      scope.tally.found(ledgerLine(table.name), `version ${version} took rows away, of ${removed.length} files`);
    } else if (added.length > 0 && entry === null) {
      const files = added.map(({ path }) => path).join(", ");
      scope.tally.found(ledgerLine(table.name), `version ${version} added rows without a ledger entry (${files})`);
    }
  }
}

/** Files that the newest version names are there as they were written. */
export async function checkFiles(scope: Scope, table: AuditedTable): Promise<void> {
  const { files, broken } = await table.brokenFiles(table.newest);
  for (const { path, problem } of broken.slice(0, 20)) {
    scope.tally.found(filesLine(table.name), `${table.name}/${path} ${problem}`);
  }
  if (broken.length > 20) scope.tally.found(filesLine(table.name), `and ${broken.length - 20} files more`);
  scope.tally.set(`files.${table.name}`, BigInt(files));
}

/** The rows in the files are as many as were counted when they were added. @param rows name of the figure that counts them */
export async function checkRows(scope: Scope, table: AuditedTable, version: number, rows: bigint): Promise<void> {
  const there = await table.countRows(version);
  if (there === rows) return;
  scope.tally.found(
    filesLine(table.name),
    `version ${version} holds ${there} rows, ${rows} were counted when they were added: files were changed, or there are others in their place`,
  );
}

function link({ version, kind, batch, epoch, entry }: LedgerRow): ChainLink {
  return {
    version: Number(version),
    kind,
    batch: Number(batch),
    epoch,
    through: (entry.through ?? {}) as ChainLink["through"],
  };
}
