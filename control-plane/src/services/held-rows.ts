import { relationSql } from "../domain/delta/relation.ts";
import { identifier, literal } from "../domain/delta/schema.ts";
import type { LiveFile, Snapshot } from "../domain/delta/snapshot.ts";
import { FileVanished, type QueryEngine } from "./query-engine.ts";

/** Bytes up to which a file is small: what a batch or two wrote, and no compaction yet took up. */
const SMALL_FILE = 64 * 1024;
/** Bytes of small files up to which a table's rows are held. */
const HELD_AT_MOST = 2 * 1024 * 1024;
/** With fewer there is nothing to win. */
const FEWEST_FILES = 4;
/** The column that says which file a held row is of. */
const FILE = "penstock_file";

let made = 0;

/**
 * The rows of one version's small files, in a table of the engine's memory: to open a hundred files costs several times what it costs to read them.
 *
 * Such a table is never changed. The next version's is made from it and from the files that came since, and it is dropped once nobody reads it.
 */
export class HeldRows {
  readonly snapshot: Snapshot;
  readonly #root: string;
  readonly #engine: QueryEngine;
  readonly #name = `held_${++made}`;
  readonly #small: readonly LiveFile[];
  #readers = 0;
  #superseded = false;

  private constructor(snapshot: Snapshot, root: string, engine: QueryEngine) {
    this.snapshot = snapshot;
    this.#root = root;
    this.#engine = engine;
    this.#small = smallFiles(snapshot);
  }

  /**
   * Holds the rows of a version.
   * @param before what is held of an older version; it is given up
   * @returns undefined where holding them does not pay, would take too much or cannot be done: the files are read then, and say why
   * @throws FileVanished
   */
  static async of(
    snapshot: Snapshot | undefined,
    root: string,
    engine: QueryEngine,
    before: HeldRows | undefined,
  ): Promise<HeldRows | undefined> {
    if (snapshot !== undefined && before?.snapshot === snapshot) return before;
    try {
      if (snapshot === undefined) return undefined;
      const held = new HeldRows(snapshot, root, engine);
      return (await held.#make(before)) ? held : undefined;
    } finally {
      await before?.giveUp();
    }
  }

  /** SQL of exactly the rows that {@link relationSql} would read. */
  relation(wanted: readonly string[], keep: (partition: LiveFile["partition"]) => boolean = () => true): string {
    const names = wanted.map(identifier).join(", ");
    const kept = this.#small.filter(({ partition }) => keep(partition));
    const where = kept.length === this.#small.length ? "" : ` WHERE ${FILE} IN (${this.#paths(kept) || "NULL"})`;
    const rows = `SELECT ${names} FROM ${this.#name}${where}`;
    const others = [...this.snapshot.files].filter(([, { size, partition }]) => size > SMALL_FILE && keep(partition));
    if (others.length === 0) return `(${rows})`;
    const rest = relationSql({ ...this.snapshot, files: new Map(others) }, this.#root, wanted);
    return `(SELECT ${names} FROM ${rest} UNION ALL ${rows})`;
  }

  /** It stays until {@link release}, also when a newer version's rows are held. */
  acquire(): this {
    this.#readers += 1;
    return this;
  }

  async release(): Promise<void> {
    this.#readers -= 1;
    await this.#dropUnread();
  }

  /** For one that is not the newest any more. */
  async giveUp(): Promise<void> {
    this.#superseded = true;
    await this.#dropUnread();
  }

  async #dropUnread(): Promise<void> {
    if (!this.#superseded || this.#readers > 0) return;
    // It goes with the engine at the latest.
    await this.#engine.query(`DROP TABLE IF EXISTS ${this.#name}`).catch(() => undefined);
  }

  /** @returns whether the rows are held now */
  async #make(before: HeldRows | undefined): Promise<boolean> {
    const size = this.#small.reduce((sum, file) => sum + file.size, 0);
    if (this.#small.length < FEWEST_FILES || size > HELD_AT_MOST) return false;
    const usable = before !== undefined && sameColumns(before.snapshot, this.snapshot) ? before : undefined;
    const known = new Set(usable === undefined ? [] : usable.#small.map(({ path }) => path));
    const live = new Set(this.#small.map(({ path }) => path));
    const fresh = [...this.snapshot.files].filter(([, { path }]) => live.has(path) && !known.has(path));
    const columns = this.snapshot.columns.map(({ name }) => name);
    const read = relationSql({ ...this.snapshot, files: new Map(fresh) }, this.#root, columns, undefined, FILE);
    const parts = [`SELECT * FROM ${read}`];
    if (usable !== undefined) {
      const gone = usable.#small.filter(({ path }) => !live.has(path));
      const where = gone.length === 0 ? "" : ` WHERE ${FILE} NOT IN (${this.#paths(gone)})`;
      parts.unshift(`SELECT * FROM ${usable.#name}${where}`);
    }
    try {
      await this.#engine.query(`CREATE TABLE ${this.#name} AS ${parts.join(" UNION ALL BY NAME ")}`);
      return true;
    } catch (error) {
      if (error instanceof FileVanished) throw error;
      return false;
    }
  }

  #paths(files: readonly LiveFile[]): string {
    return files.map(({ path }) => literal(`${this.#root}/${path}`)).join(", ");
  }
}

function smallFiles({ files }: Snapshot): LiveFile[] {
  return [...files.values()].filter(({ size }) => size <= SMALL_FILE);
}

function sameColumns(one: Snapshot, other: Snapshot): boolean {
  return JSON.stringify(one.columns) === JSON.stringify(other.columns);
}
