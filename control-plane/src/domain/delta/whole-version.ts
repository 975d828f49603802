/**
 * The version of its source that a batch has read to its end, by the batch's ledger entry.
 * @param source of the entry
 * @returns null where the batch ended within a version, or read an initial snapshot
 */
export function wholeVersion(source: unknown): number | null {
  const to = (source as { to?: string | null } | undefined)?.to;
  if (to == null) return null;
  const offset = JSON.parse(to) as { reservoirVersion?: number; index?: number; isStartingVersion?: boolean };
  if (offset.reservoirVersion === undefined || offset.isStartingVersion === true) return null;
  // Delta writes a version that was read to its end as the next one at a negative index.
  return (offset.index ?? 0) < 0 ? offset.reservoirVersion - 1 : null;
}
