/**
 * One file of a streaming checkpoint, as Spark writes it: a line `v1`, a line of JSON about the batch and, in the offset
 * log, a line for each source. Offsets are whole numbers up to 2^63, so they are texts here. What is damaged is decided
 * by what Spark does with it at a start, and as the runner decides it: test/checkpoints/damage.json holds both to it.
 */

/** How far a batch reads one source. */
export type SourceOffset =
  | { kind: "kafka"; topics: Record<string, Record<string, string>> }
  | {
      kind: "delta";
      /** id of the Delta table, which a table that was made anew does not have */
      tableId: string;
      /** with an index below zero every version before this one is read, and nothing of this one */
      version: string;
      index: string;
    }
  | { kind: "other"; text: string };

export interface OffsetEntry {
  /** when the batch was planned, ISO-8601; null when that is no date */
  plannedAt: string | null;
  /** event-time watermark of the batch, ISO-8601; null while there is none */
  watermark: string | null;
  /** each source once, in the log's order, although a plan that reads a source twice has it twice */
  sources: SourceOffset[];
}

/** The file is not what Spark writes; the message says what was found instead. */
export class DamagedEntry extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DamagedEntry";
  }
}

/** @throws DamagedEntry */
export function parseOffsetEntry(text: string): OffsetEntry {
  const [metadata, ...sources] = linesOf(text, "offsets");
  if (metadata === undefined) throw new DamagedEntry("it ends after its first line");
  const about = readAbout(metadata, ["batchTimestampMs", "batchWatermarkMs"]);
  if (sources.length === 0) throw new DamagedEntry("it names no source: it was cut off after its second line");
  if (sources.every((line) => line === "-")) {
    throw new DamagedEntry("it has a dash for every source: a start would read them from their beginning once more");
  }
  return {
    plannedAt: instant(about.batchTimestampMs),
    watermark: instant(about.batchWatermarkMs),
    // A dash stands for a source that the batch does not read.
    sources: [...new Set(sources)].filter((line) => line !== "-").map((line) => toSource(line)),
  };
}

/** @throws DamagedEntry */
export function parseCommitEntry(text: string): void {
  const [metadata] = linesOf(text, "commits");
  // A lone version is one that Spark starts from: the watermark of the next batch begins at zero, and rises with it.
  if (metadata !== undefined) readAbout(metadata, ["nextBatchWatermarkMs"]);
}

/** The query's id, from the checkpoint's file `metadata`. @throws DamagedEntry */
export function parseQueryId(text: string): string {
  if (text.trim() === "") throw new DamagedEntry("it is empty");
  const { id } = readObject(text, "it");
  if (typeof id === "string" && UUID.test(id)) return id;
  throw new DamagedEntry("it names no query id, which is a UUID");
}

/** A source's offset as JSON, the way progress reports and ledger entries have it. @throws DamagedEntry */
export function toSource(json: string): SourceOffset {
  const fields = readObject(json, "a source's line");
  if (typeof fields.reservoirId === "string" && typeof fields.reservoirVersion === "string") {
    return {
      kind: "delta",
      tableId: fields.reservoirId,
      version: fields.reservoirVersion,
      index: String(fields.index ?? "-1"),
    };
  }
  const isKafka = Object.values(fields).every(
    (value) =>
      typeof value === "object" && value !== null && Object.values(value).every((at) => typeof at === "string"),
  );
  if (!isKafka) return { kind: "other", text: json };
  return { kind: "kafka", topics: fields as Record<string, Record<string, string>> };
}

/** The newest version of a Delta source that is read completely; -1 while there is none. */
export function consumedVersion({ version }: SourceOffset & { kind: "delta" }): bigint {
  return BigInt(version) - 1n;
}

const WHOLE = /^-?\d+$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The lines after the version. */
function linesOf(text: string, log: string): string[] {
  if (text === "") throw new DamagedEntry("it is empty");
  const [first = "", ...lines] = text.replace(/\n$/, "").split("\n");
  if (first === "v1") return lines;
  throw new DamagedEntry(`its first line is ${JSON.stringify(first.slice(0, 40))}; Spark's ${log} begin with v1`);
}

/** @param times fields that are whole numbers where they are there */
function readAbout(line: string, times: string[]): Record<string, unknown> {
  const about = readObject(line, "line 2");
  for (const name of times) {
    const value = about[name];
    if (value === undefined || (typeof value === "string" && WHOLE.test(value))) continue;
    throw new DamagedEntry(`${name} in line 2 is ${JSON.stringify(value)}, and no whole number`);
  }
  return about;
}

function readObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text, exactNumber);
  } catch {
    throw new DamagedEntry(`${what} is not JSON: it ends with ${JSON.stringify(text.slice(-40))}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DamagedEntry(`${what} is not a JSON object: ${JSON.stringify(text.slice(0, 40))}`);
}

/** Delta's index reaches 2^63, which a JSON number would round. */
function exactNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? String(value)) : value;
}

/** The last moment that a date can hold. Spark takes any number, and so must we. */
const LAST_MS = 8.64e15;

function instant(ms: unknown): string | null {
  const at = Number(ms);
  return at > 0 && at <= LAST_MS ? new Date(at).toISOString() : null;
}
