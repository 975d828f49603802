import { wholeVersion } from "../domain/delta/whole-version.ts";
import type { LedgerStore } from "./ledger.ts";
import type { LedgerRow } from "./rows.ts";

/** Commits without an entry (compaction, a takeover) do not come in such numbers. */
const LOOK_BACK = 50;

/**
 * The version of its source of which a batch has counted everything, and nothing beyond it.
 *
 * A batch that has read a copy of what the log of its source had forgotten (decision 0030) names a version of the copy, which ends elsewhere: then the
 * offsets that it has come to are not those of the source at that version.
 * @param source the table that it has read, and the generation of its ledger
 * @returns null where there is none
 */
export async function readVersion(
  ledger: Pick<LedgerStore, "entries">,
  source: { generation: number; table: string },
  { entry }: Pick<LedgerRow, "entry">,
): Promise<number | null> {
  const version = wholeVersion(entry.source);
  if (version === null) return null;
  const entries = await ledger.entries(source.generation, source.table, version - LOOK_BACK, version);
  const there = entries.map(vector).findLast((through) => through !== null);
  return there === undefined || there === vector({ entry }) ? version : null;
}

/** As text that is the same for the same offsets; null for an entry without any. */
function vector({ entry }: Pick<LedgerRow, "entry">): string | null {
  const topics = Object.entries((entry.through ?? {}) as Record<string, Record<string, string>>);
  const offsets = topics.flatMap(([topic, partitions]) =>
    Object.entries(partitions).map(([partition, offset]) => `${topic}/${partition}/${offset}`),
  );
  return offsets.length === 0 ? null : offsets.sort().join(" ");
}
