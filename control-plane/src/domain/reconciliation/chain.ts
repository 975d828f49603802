/** What the chain of a table's ledger hangs on. */
export interface ChainLink {
  version: number;
  kind: string;
  batch: number;
  epoch: number;
  /** next offset by topic and partition */
  through: Record<string, Record<string, string>>;
}

/** How far a chain was followed. */
export interface ChainEnd {
  batch: number | null;
  epoch: number;
  through: Record<string, Record<string, string>>;
}

const NAMED_AT_MOST = 5;

/**
 * Follows a table's ledger entries: batches without gaps, `through` that never falls, epochs that only rise.
 * @param before the end of what was followed before; undefined to begin
 * @param everyBatch each batch of the job makes a commit here
 * @returns the new end, and what is wrong in words
 */
export function followChain(
  before: ChainEnd | undefined,
  links: readonly ChainLink[],
  everyBatch: boolean,
): { end: ChainEnd | undefined; breaks: string[] } {
  const breaks: string[] = [];
  let end = before;
  for (const link of links) {
    if (end !== undefined) breaks.push(...breaksBetween(end, link, everyBatch));
    end = {
      batch: link.kind === "batch" ? link.batch : (end?.batch ?? null),
      epoch: Math.max(end?.epoch ?? 0, link.epoch),
      through: Object.keys(link.through).length === 0 && end !== undefined ? end.through : link.through,
    };
  }
  const more = breaks.length - NAMED_AT_MOST;
  return { end, breaks: more > 0 ? [...breaks.slice(0, NAMED_AT_MOST), `and ${more} more`] : breaks };
}

function breaksBetween(end: ChainEnd, link: ChainLink, everyBatch: boolean): string[] {
  const at = `version ${link.version}`;
  const breaks: string[] = [];
  if (link.epoch < end.epoch) breaks.push(`${at} was committed by epoch ${link.epoch} after epoch ${end.epoch}`);
  if (link.kind === "batch" && end.batch !== null) {
    if (link.batch <= end.batch) breaks.push(`${at} holds batch ${link.batch} after batch ${end.batch}`);
    else if (everyBatch && link.batch > end.batch + 1) {
      breaks.push(`batch ${link.batch} in ${at} follows on batch ${end.batch}: those between have no commit`);
    }
  }
  for (const [topic, partitions] of Object.entries(link.through)) {
    for (const [partition, offset] of Object.entries(partitions)) {
      const reached = end.through[topic]?.[partition];
      if (reached !== undefined && BigInt(offset) < BigInt(reached)) {
        breaks.push(`${at} counts ${topic} partition ${partition} through ${offset}, less than ${reached} before`);
      }
    }
  }
  return breaks;
}
