/** Where the tables and checkpoints of a generation lie, and what stands beside them; nobody else composes these paths. */

/** @returns the table's folder relative to the lake, such as `gen=1/silver.sales_events` */
export function tablePath(generation: number, table: string): string {
  // The reference layout keeps data-quality tables in folders, all others under their dotted names.
  const name = table.startsWith("dq.") ? table.replaceAll(".", "/") : table;
  return `gen=${generation}/${name}`;
}

/** @returns the job's checkpoint folder relative to the folder of checkpoints */
export function checkpointPath(generation: number, job: string): string {
  return `gen=${generation}/${job}`;
}

/** @returns where the signpost to the control plane that decides stands */
export function signpostPath(lakeDir: string): string {
  return `${lakeDir}/control-plane.json`;
}

/** What a job keeps beside its checkpoint: the epochs of its runs, writers' schemas, when it cleaned up last, copies that it reads. */
const BESIDE_CHECKPOINT = ["epochs", "schemas", "housekeeping", "source"];

/** @returns a checkpoint's folder and those that belong to it; a longer name may be another job's */
export function checkpointFolders(path: string): string[] {
  return [path, ...BESIDE_CHECKPOINT.map((what) => `${path}.${what}`)];
}

/** @returns the generation that a table's folder belongs to; undefined for a folder that is not of ours */
export function generationOf(path: string): number | undefined {
  const number = /(?:^|\/)gen=(\d+)\//.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}
