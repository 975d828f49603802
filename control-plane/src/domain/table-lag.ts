import type { CommitSummary } from "./delta/history.ts";

/** How far a job is behind a table that it reads. */
export interface TableLag {
  /** newest version that the job has read completely; null before its first batch */
  committed: string | null;
  /** newest version of the table; null while there is no table */
  latest: string | null;
  lagVersions: string | null;
  /** null where the commits in between do not say, or are too many to be read for one answer */
  lagRecords: string | null;
  /** age of the oldest commit with rows that has not been read; 0 when there is none */
  lagSeconds: number | null;
}

/** @param unread the commits after `committed`, oldest first; null where they cannot all be read */
export function tableLag(
  committed: number,
  latest: number | null,
  unread: CommitSummary[] | null,
  now: Date,
): TableLag {
  const versions = latest === null ? null : Math.max(0, latest - committed);
  const waiting = unread?.filter(({ rows }) => rows !== 0) ?? null;
  const oldest = waiting?.[0];
  return {
    committed: committed < 0 ? null : String(committed),
    latest: latest === null ? null : String(latest),
    lagVersions: versions === null ? null : String(versions),
    lagRecords: latest === null || waiting === null ? null : sum(waiting.map(({ rows }) => rows)),
    lagSeconds: latest === null || waiting === null ? null : oldest === undefined ? 0 : age(oldest.at, now),
  };
}

function sum(rows: (number | null)[]): string | null {
  return rows.includes(null) ? null : String((rows as number[]).reduce((total, each) => total + each, 0));
}

function age(at: number | null, now: Date): number | null {
  return at === null ? null : Math.max(0, Math.round((now.getTime() - at) / 10) / 100);
}
