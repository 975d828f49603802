import type { Action } from "../../control-plane/src/domain/delta/actions.ts";
import { parseLedgerEntry } from "../../control-plane/src/domain/delta/ledger-entry.ts";
import type { Step } from "../../control-plane/src/domain/delta/snapshot.ts";

/** The table property into which a run writes its epoch before it reads the table's position (docs/decisions/0014). */
const PROPERTY = "penstock.epoch.";

/** A commit that a run made after a newer run of the same job had written to the table. */
export interface StaleCommit {
  version: number;
  job: string;
  epoch: number;
  /** the highest epoch of this job before that commit, and the version that it was first seen in */
  replacedBy: { epoch: number; version: number };
}

/**
 * Commits of replaced runs among the commits of one table: none, as long as fencing holds.
 * @param steps commits in order of version, or a tail of them; a checkpoint's rows say what came before
 */
export function staleCommits(steps: readonly Step[]): StaleCommit[] {
  const newest = new Map<string, { epoch: number; version: number }>();
  const stale: StaleCommit[] = [];
  for (const { version, actions } of steps) {
    for (const [job, epoch] of actions.flatMap(epochsOf)) {
      const before = newest.get(job);
      if (before === undefined || epoch > before.epoch) newest.set(job, { epoch, version });
      else if (epoch < before.epoch) stale.push({ version, job, epoch, replacedBy: before });
    }
  }
  return stale;
}

function epochsOf({ commitInfo, metaData }: Action): [job: string, epoch: number][] {
  const entry = commitInfo?.userMetadata == null ? undefined : parseLedgerEntry(commitInfo.userMetadata);
  const properties = Object.entries(metaData?.configuration ?? {}).filter(([name]) => name.startsWith(PROPERTY));
  return [
    ...(entry === undefined ? [] : [[entry.job, entry.epoch] as [string, number]]),
    ...properties.map(([name, epoch]): [string, number] => [name.slice(PROPERTY.length), Number(epoch)]),
  ];
}
