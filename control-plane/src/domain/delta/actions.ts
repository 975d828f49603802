import { damagedTable } from "./faults.ts";

/** A data file that a commit adds, as the log writes it. */
export interface AddAction {
  /** URI-encoded, relative to the table unless it has a scheme */
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  deletionVector?: unknown;
}

export interface MetaDataAction {
  id: string;
  schemaString: string;
  partitionColumns: string[];
  configuration: Record<string, string>;
}

export interface ProtocolAction {
  minReaderVersion: number;
  readerFeatures?: string[] | null;
}

/** One line of a commit, or one row of a checkpoint: exactly one of the fields is set, those that reading needs are declared. */
export interface Action {
  protocol?: ProtocolAction | null;
  metaData?: MetaDataAction | null;
  add?: AddAction | null;
  remove?: { path: string; deletionVector?: unknown } | null;
  txn?: { appId: string; version: number } | null;
  commitInfo?: { userMetadata?: string | null } | null;
  sidecar?: unknown;
}

/**
 * Reads one commit file: a JSON object per line.
 *
 * A commit is written whole or not at all, so a line that is not JSON is damage and never "not yet finished".
 * Statistics stay unread text: their decimals would not survive JSON numbers.
 * @param table name for messages
 * @throws Problem `damaged_table`
 */
export function parseCommit(table: string, version: number, text: string): Action[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) throw damagedTable(table, `commit ${version} is empty`);
  return lines.map((line, index) => parseAction(table, `commit ${version}, line ${index + 1}`, line));
}

/** Reads one action from its JSON. @throws Problem `damaged_table` naming `place` */
export function parseAction(table: string, place: string, json: string): Action {
  let action: unknown;
  try {
    action = JSON.parse(json);
  } catch (cause) {
    throw damagedTable(table, `${place} is not JSON`, cause);
  }
  if (typeof action !== "object" || action === null || Array.isArray(action))
    throw damagedTable(table, `${place} is not an action`);
  return action as Action;
}
