import type { TopicOffsets } from "../../domain/lag.ts";
import { generationOf } from "../../domain/layout.ts";
import { type Line, overall, type Report } from "../../domain/reconciliation/report.ts";
import { Tally } from "../../domain/reconciliation/tally.ts";
import type { LedgerStore } from "../ledger.ts";
import type { LiveTables } from "../snapshots.ts";
import { AuditedTable, type TableMemory, type TableParts } from "./audited-table.ts";
import { checkBronze } from "./bronze.ts";
import { checkFinals } from "./finals.ts";
import { checkGold } from "./gold.ts";
import { linesOf } from "./lines.ts";
import { checkChain, checkCommits, checkFiles, checkRows } from "./logs.ts";
import type { DecidedOverrides, Resume } from "./ports.ts";
import { checkQuality } from "./quality.ts";
import type { Scope } from "./scope.ts";
import { checkSilver } from "./silver.ts";
import { BRONZE, SILVER, TABLES, UPDATES } from "./tables.ts";

/** What one check looks at, beside the tables themselves. */
export interface CheckInput {
  live: LiveTables;
  /** up to which version each table's ledger is kept, by the table's name */
  harvested: ReadonlyMap<string, number>;
  /** what the topic holds; null while Kafka is away */
  topic: { name: string; offsets: TopicOffsets | null };
  times: Scope["times"];
}

export interface CheckParts extends TableParts {
  ledger: LedgerStore;
  overrides: DecidedOverrides;
}

/** What a check found, and from where the next one may go on: null when something failed, for then it has to count anew. */
export interface Checked extends Pick<Report, "verdict" | "lines" | "read" | "kind"> {
  resume: Resume | null;
}

const NOTHING: Resume = { figures: {}, bronze: null, silver: null, gold: null, finals: null, dq: null, chains: {} };

/**
 * Compares the tables of a generation with each other, with their ledger and with the topic, each pair at versions that hold the same records.
 * @param resume what the check before found in order: only what came since is read. Null counts everything
 * @param memory of checks before, by folder
 * @throws LogGone when what came since cannot be read any more, FileVanished when files went while they were read
 */
export async function check(
  parts: CheckParts,
  input: CheckInput,
  resume: Resume | null,
  memory: Map<string, TableMemory>,
): Promise<Checked> {
  const before = resume ?? NOTHING;
  const tally = new Tally(before.figures);
  const tables = openTables(parts, input, memory);
  const scope: Scope = {
    generationOf: (name) => generationOf(input.live.paths[name] ?? "") ?? input.live.generation,
    tally,
    topic: input.topic.name,
    ledger: parts.ledger,
    overrides: parts.overrides,
    engine: parts.engine,
    table: (name) => tables.get(name),
    times: input.times,
  };
  const after: Resume = { ...before, chains: {} };
  for (const table of tables.values()) {
    await checkFiles(scope, table);
    const chain = before.chains[table.name];
    if (resume !== null) await checkCommits(scope, table, chain?.version ?? -1);
    const end = await checkChain(scope, table, chain);
    if (end !== undefined) after.chains[table.name] = end;
  }
  after.bronze = await checkBronze(scope, before.bronze);
  after.silver = await checkSilver(scope, before.silver);
  after.gold = await checkGold(scope, before.gold);
  after.finals = await checkFinals(scope, before.finals, after.gold);
  after.dq = await checkQuality(scope, before.dq);
  if (resume !== null) await checkOldRows(scope, after);
  after.figures = tally.toJSON();
  const lines: Line[] = linesOf(tally, { positions: after, topic: input.topic, tables: [...tables.values()] });
  const verdict = overall(lines);
  const read = [...tables.values()].flatMap((table) => [...table.read.values()]);
  return {
    verdict,
    kind: resume === null ? "recount" : "incremental",
    lines,
    read: { files: read.length, bytes: read.reduce((sum, size) => sum + size, 0) },
    resume: verdict === "failed" ? null : after,
  };
}

/** Rows that were counted before are still there, by the files' footers. */
async function checkOldRows(scope: Scope, after: Resume): Promise<void> {
  const [bronze, silver, updates] = [scope.table(BRONZE), scope.table(SILVER), scope.table(UPDATES)];
  const bronzeRows = scope.tally
    .namesAfter("bronze.rows.")
    .map((partition) => scope.tally.of(`bronze.rows.${partition}`));
  const sum = bronzeRows.reduce((all, rows) => all + rows, 0n);
  if (bronze !== undefined && after.bronze !== null) await checkRows(scope, bronze, after.bronze.version, sum);
  if (silver !== undefined && after.silver !== null) {
    await checkRows(scope, silver, after.silver.version, scope.tally.of("silver.rows"));
  }
  if (updates !== undefined && after.gold !== null) {
    await checkRows(scope, updates, after.gold.version, scope.tally.of("gold.rows"));
  }
}

function openTables(parts: CheckParts, input: CheckInput, memory: Map<string, TableMemory>) {
  const tables = new Map<string, AuditedTable>();
  for (const name of TABLES) {
    const [root, newest] = [input.live.paths[name], input.harvested.get(name)];
    if (root === undefined || newest === undefined || newest < 0) continue;
    const remembered = memory.get(root) ?? { held: [], newestInstants: new Map() };
    memory.set(root, remembered);
    tables.set(name, new AuditedTable(name, root, newest, remembered, parts));
  }
  return tables;
}
