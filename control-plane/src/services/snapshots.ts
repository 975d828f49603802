import { type KeepFile, relationSql } from "../domain/delta/relation.ts";
import { newestEntry, type Snapshot } from "../domain/delta/snapshot.ts";
import { generationOf } from "../domain/layout.ts";
import { dependencyUnavailable } from "../domain/problem.ts";
import type { GenerationRules } from "../domain/specs/rules.ts";
import { DeltaTable, type HeldSnapshot, type LogReader, rootOf } from "./delta-table.ts";
import { HeldRows } from "./held-rows.ts";
import { FileVanished, type Parameters, type QueryEngine, type Row } from "./query-engine.ts";

/** Where the tables of the live generation are. */
export interface LiveTables {
  generation: number;
  /** when it became live; undefined where that makes no difference */
  since?: Date;
  /** those that its rows were made by, where they are kept with it */
  rules?: GenerationRules;
  /** absolute folder by table name, e.g. `gold.revenue_5m`; a folder need not exist yet */
  paths: Readonly<Record<string, string>>;
}

/** Says which generation is live; asked once per answer, so that no answer mixes two. */
export interface Generations {
  /**
   * @param at a moment of the past: the one that was live then
   * @throws Problem `invalid_request` where that one's files are deleted
   */
  live(at?: Date): Promise<LiveTables>;
}

/** What an answer was made from: the same stamp means the same rows. */
export interface SnapshotStamp {
  generation: number;
  /** every record appended to the source before it has been counted; null while unknown */
  lowWatermark: string | null;
  /** version null: the table does not exist yet */
  tables: Record<string, { version: number | null }>;
}

/** One version of each of several tables of one generation, for one answer. */
export interface SnapshotSet {
  generation: number;
  /** when the generation became live; undefined where that makes no difference */
  since: Date | undefined;
  /** those that its rows were made by, which may be others than the manifest's by now */
  rules: GenerationRules;
  /** the table's folder; it need not exist yet */
  root(table: string): string;
  /** undefined: the table does not exist yet */
  snapshot(table: string): Snapshot | undefined;
  /** The generation whose rows a table holds: an older one than the live one where a replay did not touch it. */
  generationOf(table: string): number;
  /** SQL with rows of the table, to stand in a FROM clause; undefined when the table does not exist yet */
  relation(table: string, columns: readonly string[], keep?: KeepFile): string | undefined;
  /** @param witness the table whose newest entry tells the low watermark */
  stamp(witness: string): SnapshotStamp;
  query(sql: string, parameters?: Parameters): Promise<Row[]>;
}

export interface Snapshots {
  /**
   * Resolves the named tables **in this order**, so that a later one is at least as new as an earlier one, and hands them to `use`. When a file has
   * vanished meanwhile, both are done once more with fresh snapshots.
   * @param at a moment of the past: of the generation that was live then
   * @throws Problem `unsupported_table`, `damaged_table`; `dependency_unavailable` when files vanish twice
   */
  read<T>(tables: readonly string[], use: (set: SnapshotSet) => Promise<T>, at?: Date): Promise<T>;
}

/** A table with its newest known snapshot. One refresh runs at a time; all who ask meanwhile share the next, which begins after they asked. */
interface Followed {
  table: DeltaTable;
  held: HeldSnapshot | undefined;
  /** rows of its newest known snapshot, of tables that are asked for all the time */
  rows: HeldRows | undefined;
  running: Promise<unknown>;
  next: Promise<Resolved> | undefined;
}

interface Resolved {
  snapshot: Snapshot | undefined;
  rows: HeldRows | undefined;
}

export interface SnapshotParts {
  generations: Generations;
  log: LogReader;
  engine: QueryEngine;
  /** tables that are asked for all the time: the rows of their small files are held in memory */
  hold?: readonly string[];
}

/**
 * Snapshots of the live generation's tables, kept in memory and extended by newer commits.
 *
 * `createSnapshots({ generations, log: lakeFiles(), engine: await openDuckDb({ folders: [lakeDir] }) })`
 */
export function createSnapshots(parts: SnapshotParts): Snapshots {
  let followed = new Map<string, Followed>();

  function follow(name: string, root: string): Followed {
    const known = followed.get(root);
    if (known !== undefined) return known;
    const made = {
      table: new DeltaTable(name, root, parts),
      held: undefined,
      rows: undefined,
      running: Promise.resolve(),
      next: undefined,
    };
    followed.set(root, made);
    return made;
  }

  function refresh(table: Followed, name: string, root: string): Promise<Resolved> {
    if (table.next !== undefined) return table.next;
    const begin = async () => {
      table.next = undefined;
      table.held = await table.table.newest(table.held);
      const snapshot = table.held?.snapshot;
      const before = table.rows;
      table.rows = undefined;
      if (parts.hold?.includes(name)) table.rows = await HeldRows.of(snapshot, root, parts.engine, before);
      return { snapshot, rows: table.rows };
    };
    table.next = table.running.then(begin, begin);
    table.running = table.next;
    return table.next;
  }

  /** What another generation left behind. */
  function forgetAllBut(roots: ReadonlySet<string>): void {
    for (const [root, table] of followed) if (!roots.has(root)) void table.rows?.giveUp();
    followed = new Map([...followed].filter(([root]) => roots.has(root)));
  }

  /** @param held collects what has to be released once the set is used */
  async function resolve(tables: readonly string[], held: HeldRows[], at: Date | undefined): Promise<SnapshotSet> {
    const { generation, since, rules = {}, paths } = await parts.generations.live(at);
    if (at === undefined) forgetAllBut(new Set(Object.values(paths)));
    const resolved = new Map<string, Resolved>();
    for (const table of tables) {
      const root = rootOf(table, paths);
      const found = await refresh(follow(table, root), table, root);
      // Before anything else can happen to them.
      if (found.rows !== undefined) held.push(found.rows.acquire());
      resolved.set(table, found);
    }
    const snapshots = { get: (table: string) => resolved.get(table)?.snapshot };
    return {
      generation,
      since,
      rules,
      root: (table) => rootOf(table, paths),
      snapshot: (table) => snapshots.get(table),
      generationOf: (table) => generationOf(rootOf(table, paths)) ?? generation,
      relation: (table, columns, keep) => {
        const { snapshot, rows } = resolved.get(table) ?? {};
        if (rows !== undefined) return rows.relation(columns, keep);
        return snapshot && relationSql(snapshot, rootOf(table, paths), columns, keep);
      },
      stamp: (witness) => ({
        generation,
        lowWatermark: lowWatermark(snapshots.get(witness)),
        tables: Object.fromEntries(
          [...resolved].map(([table, { snapshot }]) => [table, { version: snapshot?.version ?? null }]),
        ),
      }),
      query: (sql, parameters) => parts.engine.query(sql, parameters),
    };
  }

  async function readOnce<T>(
    tables: readonly string[],
    use: (set: SnapshotSet) => Promise<T>,
    at: Date | undefined,
  ): Promise<T> {
    const held: HeldRows[] = [];
    try {
      return await use(await resolve(tables, held, at));
    } finally {
      for (const rows of held) void rows.release();
    }
  }

  return {
    async read(tables, use, at) {
      try {
        return await readOnce(tables, use, at);
      } catch (error) {
        if (!(error instanceof FileVanished)) throw error;
      }
      // Whatever vanished, nothing that is held may be trusted to be newest.
      for (const table of followed.values()) table.held = undefined;
      try {
        return await readOnce(tables, use, at);
      } catch (error) {
        if (!(error instanceof FileVanished)) throw error;
        throw dependencyUnavailable(
          "the lake",
          `Files of ${tables.join(", ")} vanished twice in a row while they were read: ${error.message}`,
          error,
        );
      }
    },
  };
}

function lowWatermark(snapshot: Snapshot | undefined): string | null {
  return (snapshot && newestEntry(snapshot, "batch", "tick", "final")?.lowWatermark) ?? null;
}
