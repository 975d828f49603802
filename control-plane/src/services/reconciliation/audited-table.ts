import { type Change, changeOf } from "../../domain/delta/changes.ts";
import { commitName } from "../../domain/delta/log-files.ts";
import { type KeepFile, relationSql } from "../../domain/delta/relation.ts";
import { literal } from "../../domain/delta/schema.ts";
import type { LiveFile, Snapshot } from "../../domain/delta/snapshot.ts";
import { DeltaTable, type HeldSnapshot, type LogReader } from "../delta-table.ts";
import { FileVanished, type QueryEngine } from "../query-engine.ts";
import type { DataFiles } from "./ports.ts";

/** Commits that are needed are not in the log any more: only a recount can tell. */
export class LogGone extends Error {
  override name = "LogGone";
}

/** A data file that a snapshot names and that is not there as it was written. */
export interface BrokenFile {
  path: string;
  problem: string;
}

/** What need not be read again in the next check. */
export interface TableMemory {
  held: HeldSnapshot[];
  /** by file: files never change */
  newestInstants: Map<string, bigint | null>;
}

export interface TableParts {
  log: LogReader;
  engine: QueryEngine;
  files: DataFiles;
}

const LOOK_AT_ONCE = 32;
const SNAPSHOTS_KEPT = 3;

/** One table during one check: its versions, the files of each, and which of them are broken. */
export class AuditedTable {
  readonly name: string;
  /** the newest version that is checked: every entry up to it is in the ledger; -1 while there is none */
  readonly newest: number;
  /** files whose rows were read, with their sizes */
  readonly read = new Map<string, number>();
  private readonly root: string;
  private readonly parts: TableParts;
  private readonly table: DeltaTable;
  private readonly held: HeldSnapshot[];
  private readonly changes = new Map<number, Change>();
  private readonly broken = new Map<string, string>();
  private readonly looked = new Set<string>();
  private readonly newestInstants: Map<string, bigint | null>;

  /** @param memory of checks before, to begin from; what this one learns is added */
  constructor(name: string, root: string, newest: number, memory: TableMemory, parts: TableParts) {
    this.name = name;
    this.root = root;
    this.newest = newest;
    this.held = memory.held;
    this.newestInstants = memory.newestInstants;
    this.parts = parts;
    this.table = new DeltaTable(name, root, parts);
  }

  /** @throws LogGone where the log does not lead to that version any more */
  async snapshot(version: number): Promise<Snapshot> {
    const before = this.held.filter(({ snapshot }) => snapshot.version <= version);
    const nearest = before.sort((a, b) => b.snapshot.version - a.snapshot.version)[0];
    const found = await this.table.at(version, nearest);
    if (found === undefined) throw new LogGone(`${this.name}: version ${version} cannot be read any more`);
    if (!this.held.includes(found)) this.held.unshift(found);
    this.held.length = Math.min(this.held.length, SNAPSHOTS_KEPT);
    return found.snapshot;
  }

  /** What the commits after a version and up to another one did, in order. @throws LogGone */
  async changesBetween(after: number, upTo: number): Promise<Change[]> {
    const changes: Change[] = [];
    for (let version = after + 1; version <= upTo; version += 1) changes.push(await this.change(version));
    return changes;
  }

  /** Files with the rows that a version has more than another one, or all of them. @throws LogGone */
  async filesBetween(after: number | null, upTo: number): Promise<LiveFile[]> {
    if (after === null) return [...(await this.snapshot(upTo)).files.values()];
    return (await this.changesBetween(after, upTo)).flatMap(({ added }) => added);
  }

  /**
   * SQL with rows of some files, without those that are broken; a column that an older table does not have is null.
   * @param version the columns are those of this version
   */
  async relation(
    version: number,
    files: readonly LiveFile[],
    columns: readonly string[],
    keep: KeepFile = () => true,
  ): Promise<string> {
    await this.look(files);
    const snapshot = await this.snapshot(version);
    const whole = files.filter(({ path, partition }) => !this.broken.has(path) && keep(partition));
    for (const { path, size } of whole) this.read.set(path, size);
    const there = columns.filter((name) => snapshot.columns.some((column) => column.name === name));
    const missing = columns.filter((name) => !there.includes(name));
    const named = new Map(whole.map((file) => [file.path, file]));
    const relation = relationSql({ ...snapshot, files: named }, this.root, there);
    if (missing.length === 0) return relation;
    return `(SELECT *, ${missing.map((name) => `NULL AS "${name}"`).join(", ")} FROM ${relation})`;
  }

  /** Files that may hold rows of a moment or later, by what their footers say of a column of instants. */
  async since(files: readonly LiveFile[], column: string, micros: bigint): Promise<LiveFile[]> {
    await this.look(files);
    const unknown = files.filter(({ path }) => !this.broken.has(path) && !this.newestInstants.has(path));
    if (unknown.length > 0) {
      const paths = unknown.map(({ path }) => literal(`${this.root}/${path}`));
      const rows = await this.parts.engine.query(
        `SELECT file_name, epoch_us(max(stats_max_value::TIMESTAMPTZ))::VARCHAR AS newest FROM parquet_metadata([${paths.join(", ")}])
         WHERE path_in_schema = ${literal(column)} GROUP BY file_name`,
      );
      const found = new Map(rows.map(({ file_name: name, newest }) => [String(name), newest]));
      for (const { path } of unknown) {
        const newest = found.get(`${this.root}/${path}`);
        this.newestInstants.set(path, newest == null ? null : BigInt(String(newest)));
      }
    }
    // Where the footer does not say, the file may hold anything.
    return files.filter(({ path }) => (this.newestInstants.get(path) ?? micros) >= micros);
  }

  /** The rows of a version by the files' footers: no row is read. */
  async countRows(version: number): Promise<bigint> {
    const files = [...(await this.snapshot(version)).files.values()];
    await this.look(files);
    const paths = files.flatMap(({ path }) => (this.broken.has(path) ? [] : literal(`${this.root}/${path}`)));
    if (paths.length === 0) return 0n;
    const [row] = await this.parts.engine.query(
      `SELECT count(*)::VARCHAR AS records FROM read_parquet([${paths.join(", ")}], hive_partitioning = false)`,
    );
    return BigInt(String(row?.records));
  }

  /** Files of a version that are gone, or are not as they were written. */
  async brokenFiles(version: number): Promise<{ files: number; broken: BrokenFile[] }> {
    const files = [...(await this.snapshot(version)).files.values()];
    this.forgetOthers(files);
    await this.look(files);
    const broken = files.flatMap(({ path }) => {
      const problem = this.broken.get(path);
      return problem === undefined ? [] : [{ path, problem }];
    });
    return { files: files.length, broken };
  }

  private async change(version: number): Promise<Change> {
    const known = this.changes.get(version);
    if (known !== undefined) return known;
    const text = await this.parts.log.read(this.root, commitName(version));
    if (text === undefined) throw new LogGone(`${this.name}: commit ${version} is not in the log any more`);
    const change = changeOf(this.name, version, text);
    this.changes.set(version, change);
    return change;
  }

  /** Compaction replaces files all the time: what is remembered of those that are gone would only grow. */
  private forgetOthers(files: readonly LiveFile[]): void {
    const there = new Set(files.map(({ path }) => path));
    for (const path of this.newestInstants.keys()) if (!there.has(path)) this.newestInstants.delete(path);
  }

  private async look(files: readonly LiveFile[]): Promise<void> {
    const unseen = files.filter(({ path }) => !this.looked.has(path));
    for (let start = 0; start < unseen.length; start += LOOK_AT_ONCE) {
      await Promise.all(unseen.slice(start, start + LOOK_AT_ONCE).map((file) => this.lookAt(file)));
    }
  }

  private async lookAt({ path, size }: LiveFile): Promise<void> {
    const found = await this.parts.files.size(`${this.root}/${path}`);
    this.looked.add(path);
    if (found === undefined) this.broken.set(path, "is gone");
    else if (found !== size) this.broken.set(path, `has ${found} bytes; it was written with ${size}`);
  }
}

/** Whether a check that failed so may succeed when it begins anew: files went while they were read. */
export function isRace(error: unknown): boolean {
  return error instanceof FileVanished;
}
