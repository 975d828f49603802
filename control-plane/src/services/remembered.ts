import type { SnapshotSet } from "./snapshots.ts";

/**
 * What was worked out of all rows of some tables, for as long as these have the same files: most versions of a table that is idle add none, they
 * only say how far it has read.
 */
export class Remembered<T> {
  private of: readonly unknown[] = [];
  private answer: Promise<T> | null = null;

  /**
   * @param beside what the answer depends on beside the tables' rows
   * @param make asked where the rows, or that, have changed
   */
  get(set: SnapshotSet, tables: readonly string[], beside: readonly unknown[], make: () => Promise<T>): Promise<T> {
    const snapshots = tables.map((table) => set.snapshot(table));
    // A snapshot shares what the version before it had already, and every table has maps of its own.
    const of = [...snapshots.flatMap((snapshot) => [snapshot?.files, snapshot?.columns]), ...beside];
    const isSame = of.length === this.of.length && of.every((part, at) => part === this.of[at]);
    if (this.answer !== null && isSame) return this.answer;
    const answer = make();
    this.of = of;
    this.answer = answer;
    answer.catch(() => {
      if (this.answer === answer) this.answer = null;
    });
    return answer;
  }
}
