/** Spark's own counts of a batch against what the job wrote into its ledger: two programs counted the same rows. */

/** How often the plan of a job reads each row of its source, by the layer that it writes: silver judges a row and looks up its id. */
const READS: Record<string, number> = { bronze: 1, silver: 2 };

/** The layers whose batches have a second witness. */
export function hasWitness(table: string): boolean {
  return layerOf(table) in READS;
}

/**
 * Compares a ledger entry with Spark's StreamingQueryProgress of the same batch.
 * @param table that the entry is of
 * @returns what does not agree, as sentences; none where all does, and where Spark does not tell
 */
export function disagreements(
  table: string,
  entry: Record<string, unknown>,
  progress: Record<string, unknown>,
): string[] {
  const layer = layerOf(table);
  const reads = READS[layer];
  const rowsIn = number(entry.rowsIn);
  const rows = (entry.rows ?? {}) as Record<string, unknown>;
  if (reads === undefined) return [];
  // Ids that were accepted before a generation began are read, and are no records.
  const read = rowsIn + number(entry.knownIds ?? 0);
  const found = [compare("rows read", number(progress.numInputRows) / reads, read)];
  if (layer === "bronze") {
    found.push(compare("offsets covered", offsetsCovered(progress), rowsIn + number(rows.gaps ?? 0)));
  }
  if (layer === "silver") {
    const duplicates = number(rows.duplicate ?? 0) - number(entry.letInCopies ?? 0);
    found.push(compare("duplicates dropped", droppedDuplicates(progress), duplicates));
  }
  return found.filter((text) => text !== null);
}

function compare(what: string, spark: number, ledger: number): string | null {
  if (Number.isNaN(spark) || spark === ledger) return null;
  return `${what}: Spark counted ${spark}, the ledger says ${ledger}`;
}

function droppedDuplicates({ stateOperators }: Record<string, unknown>): number {
  const counts = (Array.isArray(stateOperators) ? stateOperators : []).map((operator) =>
    number(operator?.customMetrics?.numDroppedDuplicateRows),
  );
  return counts.length === 0 ? Number.NaN : counts.reduce((sum, count) => sum + count, 0);
}

/** NaN for a first batch, which begins wherever the topic does. */
function offsetsCovered({ sources }: Record<string, unknown>): number {
  const [source] = (Array.isArray(sources) ? sources : []) as Record<string, unknown>[];
  const { startOffset: start, endOffset: end } = source ?? {};
  if (!isVector(start) || !isVector(end)) return Number.NaN;
  let covered = 0;
  for (const [topic, partitions] of Object.entries(end)) {
    const from = start[topic] ?? {};
    for (const [partition, to] of Object.entries(partitions)) covered += number(to) - number(from[partition] ?? 0);
  }
  return covered;
}

function isVector(value: unknown): value is Record<string, Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

function layerOf(table: string): string {
  return table.split(".")[0] ?? "";
}
