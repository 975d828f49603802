import { type Action, parseAction } from "./actions.ts";

/** What one commit of a table did, for those who follow the table commit by commit. */
export interface CommitSummary {
  version: number;
  /** when it was made, ms; null where the commit does not say */
  at: number | null;
  /** rows that readers of the table still have to read from it: none for compaction or a change of settings; null where it does not say */
  rows: number | null;
  /** the ledger entry as it stands in `userMetadata`; null for commits of others */
  entry: Record<string, unknown> | null;
}

interface CommitInfo {
  timestamp?: number;
  userMetadata?: string | null;
  operationMetrics?: Record<string, string>;
}

/** @throws Problem `damaged_table` */
export function summariseCommit(table: string, version: number, text: string): CommitSummary {
  let info: CommitInfo = {};
  let addsRows = false;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const action = parseAction(table, `commit ${version}`, line) as Action & { commitInfo?: CommitInfo };
    info = action.commitInfo ?? info;
    if (action.add != null && (action.add as { dataChange?: boolean }).dataChange !== false) addsRows = true;
  }
  const rows = info.operationMetrics?.numOutputRows;
  return {
    version,
    at: typeof info.timestamp === "number" ? info.timestamp : null,
    rows: addsRows ? (rows === undefined ? null : Number(rows)) : 0,
    entry: ledgerEntry(info.userMetadata),
  };
}

function ledgerEntry(text: string | null | undefined): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    if (typeof value !== "object" || value === null) return null;
    return (value as { penstock?: unknown }).penstock === 1 ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const COMMIT = /^(\d{20})\.json$/;

/** Versions whose commit is in a log, in order, by the names in its folder. */
export function commitsIn(names: Iterable<string>): number[] {
  return [...names]
    .flatMap((name) => COMMIT.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
