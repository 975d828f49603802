import { type Action, parseAction, parseCommit } from "../domain/delta/actions.ts";
import { damagedTable } from "../domain/delta/faults.ts";
import { commitName, planReading, type ReadingPlan } from "../domain/delta/log-files.ts";
import { literal } from "../domain/delta/schema.ts";
import { extend, newestEntry, type Snapshot, type Step, withEntries } from "../domain/delta/snapshot.ts";
import { Problem } from "../domain/problem.ts";
import { FileVanished, type QueryEngine } from "./query-engine.ts";

/** The files of a table's `_delta_log`; `root` is the table's folder, `name` a file name. */
export interface LogReader {
  /** names in `_delta_log`; none when the folder does not exist */
  list(root: string): Promise<string[]>;
  /** the text of a file; undefined when there is none */
  read(root: string, name: string): Promise<string | undefined>;
  /** something that changes when the file of that name is replaced by another; undefined when there is none */
  identity(root: string, name: string): Promise<string | undefined>;
  /** when the file was written: the moment from which readers see a commit; undefined when there is none */
  writtenAt(root: string, name: string): Promise<Date | undefined>;
}

/** A snapshot, and the identity of its version's commit file: while that is there, the log after it is whole. */
export interface HeldSnapshot {
  snapshot: Snapshot;
  identity: string | undefined;
}

/** A snapshot further behind than this is resolved anew from the newest checkpoint. */
const EXTEND_AT_MOST = 200;
const READ_AT_ONCE = 16;

/** Reads the newest snapshot of one table, from a former one when there is one. */
export class DeltaTable {
  readonly #table: string;
  readonly #root: string;
  readonly #log: LogReader;
  readonly #engine: QueryEngine;

  constructor(table: string, root: string, parts: { log: LogReader; engine: QueryEngine }) {
    this.#table = table;
    this.#root = root;
    this.#log = parts.log;
    this.#engine = parts.engine;
  }

  /**
   * @returns undefined while the table does not exist
   * @throws FileVanished when log clean-up was faster, Problem `unsupported_table` or `damaged_table`
   */
  async newest(before?: HeldSnapshot): Promise<HeldSnapshot | undefined> {
    return (before && (await this.#extended(before))) ?? (await this.#resolved());
  }

  /**
   * The snapshot of one version, from a former one when there is one.
   * @returns undefined when the log does not lead to that version, or not any more
   * @throws FileVanished when log clean-up was faster, Problem `unsupported_table` or `damaged_table`
   */
  async at(version: number, before?: HeldSnapshot): Promise<HeldSnapshot | undefined> {
    const held = (before && (await this.#extended(before, version))) ?? (await this.#resolved(version));
    return held?.snapshot.version === version ? held : undefined;
  }

  /** Undefined when `before` cannot be extended: too old, or its log was cleaned up or replaced. */
  async #extended(before: HeldSnapshot, last = Number.POSITIVE_INFINITY): Promise<HeldSnapshot | undefined> {
    const steps: Step[] = [];
    for (let version = before.snapshot.version + 1; version <= last; version += 1) {
      const text = await this.#log.read(this.#root, commitName(version));
      if (text === undefined) break;
      if (steps.length === EXTEND_AT_MOST) return undefined;
      steps.push({ version, actions: parseCommit(this.#table, version, text) });
    }
    // Clean-up takes the oldest commits first: while ours is there, none after it is missing, and the search above ended at the newest.
    const identity = await this.#log.identity(this.#root, commitName(before.snapshot.version));
    if (identity === undefined || identity !== before.identity) return undefined;
    return steps.length === 0 ? before : this.#hold(extend(this.#table, before.snapshot, steps));
  }

  async #hold(snapshot: Snapshot): Promise<HeldSnapshot> {
    return { snapshot, identity: await this.#log.identity(this.#root, commitName(snapshot.version)) };
  }

  async #resolved(last = Number.POSITIVE_INFINITY): Promise<HeldSnapshot | undefined> {
    const unreadable = new Set<number>();
    for (;;) {
      const plan = await this.#plan(unreadable, last);
      if (plan === undefined) return undefined;
      const steps: Step[] = [];
      if (plan.checkpoint !== undefined) {
        const actions = await this.#checkpoint(plan.checkpoint.files);
        if (actions === undefined) {
          unreadable.add(plan.checkpoint.version);
          continue;
        }
        steps.push({ version: plan.checkpoint.version, actions });
      }
      steps.push(...(await this.#commits(plan.commits)));
      return this.#hold(await this.#withEarlierEntries(extend(this.#table, undefined, steps), plan));
    }
  }

  async #plan(unreadable: ReadonlySet<number>, last: number): Promise<ReadingPlan | undefined> {
    try {
      return planReading(this.#table, await this.#names(last), unreadable);
    } catch (error) {
      if (!(error instanceof Problem) || error.details.code !== "damaged_table") throw error;
      // Listing a folder is no snapshot of it: a commit made meanwhile may show without the one before it. A real gap is still there.
      return planReading(this.#table, await this.#names(last), unreadable);
    }
  }

  /** Of what belongs to versions up to the last one that is wanted. */
  async #names(last: number): Promise<string[]> {
    const names = await this.#log.list(this.#root);
    return names.filter((name) => !(Number(name.slice(0, 20)) > last));
  }

  /** Undefined when the checkpoint cannot be read, half-written or damaged: the log may still hold another way to the newest version. */
  async #checkpoint(files: readonly string[]): Promise<Action[] | undefined> {
    const paths = files.map((name) => literal(`${this.#root}/_delta_log/${name}`)).join(", ");
    try {
      const rows = await this.#engine.query(
        `SELECT to_json(entry)::VARCHAR AS action FROM read_parquet([${paths}], union_by_name = true, hive_partitioning = false) AS entry`,
      );
      return rows.map((row) => parseAction(this.#table, `checkpoint ${files[0]}`, String(row.action)));
    } catch (error) {
      if (error instanceof Problem || error instanceof FileVanished) throw error;
      return undefined;
    }
  }

  async #commits(versions: readonly number[]): Promise<Step[]> {
    const steps: Step[] = [];
    for (let start = 0; start < versions.length; start += READ_AT_ONCE) {
      const some = versions.slice(start, start + READ_AT_ONCE);
      steps.push(...(await Promise.all(some.map((version) => this.#commit(version)))));
    }
    return steps;
  }

  async #commit(version: number): Promise<Step> {
    const text = await this.#log.read(this.#root, commitName(version));
    if (text === undefined) throw new FileVanished(`${this.#table}: commit ${version} is gone`);
    return { version, actions: parseCommit(this.#table, version, text) };
  }

  /** Checkpoints hold no ledger entries: when the commits after it have none either, older commits that are still there may. */
  async #withEarlierEntries(snapshot: Snapshot, plan: ReadingPlan): Promise<Snapshot> {
    if (plan.checkpoint === undefined) return snapshot;
    for (let version = plan.checkpoint.version; version >= 0; version -= 1) {
      if (newestEntry(snapshot, "batch", "tick", "final") !== undefined) return snapshot;
      const text = await this.#log.read(this.#root, commitName(version));
      if (text === undefined) return snapshot;
      snapshot = withEntries(snapshot, { version, actions: parseCommit(this.#table, version, text) });
    }
    return snapshot;
  }
}

/** @throws Problem `damaged_table` when a generation does not say where a table is */
export function rootOf(table: string, paths: Readonly<Record<string, string>>): string {
  const root = paths[table];
  if (root === undefined) throw damagedTable(table, "the live generation does not say where it is");
  return root;
}
