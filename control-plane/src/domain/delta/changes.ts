import { parseAction } from "./actions.ts";
import { summariseCommit } from "./history.ts";
import { type LiveFile, liveFile } from "./snapshot.ts";

/** What one commit did to a table's rows; moving rows between files (compaction) changes none. */
export interface Change {
  version: number;
  /** files with rows that were not there before */
  added: LiveFile[];
  /** paths of files whose rows went away */
  removed: string[];
  /** the ledger entry as it stands in `userMetadata`; null for commits of others */
  entry: Record<string, unknown> | null;
}

/** @throws Problem `damaged_table` */
export function changeOf(table: string, version: number, text: string): Change {
  const added: LiveFile[] = [];
  const removed: string[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const { add, remove } = parseAction(table, `commit ${version}`, line);
    if (add != null && changesRows(add)) added.push(liveFile(table, add));
    if (remove != null && changesRows(remove)) removed.push(remove.path);
  }
  return { version, added, removed, entry: summariseCommit(table, version, text).entry };
}

function changesRows(action: object): boolean {
  return (action as { dataChange?: boolean }).dataChange !== false;
}
