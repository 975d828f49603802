import { formatInstant, parseInstant } from "./instant.ts";

const KINDS = ["batch", "tick", "final", "create"] as const;

/** What a reader needs of a ledger entry (the commit's `userMetadata`); instants are normalised. */
export interface LedgerEntry {
  kind: (typeof KINDS)[number];
  job: string;
  generation: number;
  /** of the run that made the commit */
  epoch: number;
  batch: number | null;
  lowWatermark: string | null;
  /** Kafka offset vector, by topic and partition: the next offset to be read once the commit is counted */
  through: OffsetVector;
  /** only in `final`: every window that ends at or before it is final */
  finalThrough: string | null;
}

/** Offsets by partition, by topic; as text, because they outgrow a double. */
export type OffsetVector = Record<string, Record<string, string>>;

/**
 * Reads a ledger entry.
 * @returns undefined for everything else that people and tools write into `userMetadata`
 */
export function parseLedgerEntry(text: string): LedgerEntry | undefined {
  try {
    return readLedgerEntry(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The same of an entry that is parsed already. */
export function readLedgerEntry(value: unknown): LedgerEntry | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const entry = value as Record<string, unknown>;
  const kind = KINDS.find((known) => known === entry.kind);
  if (entry.penstock !== 1 || kind === undefined) return undefined;
  return {
    kind,
    job: String(entry.job),
    generation: Number(entry.generation),
    epoch: Number(entry.epoch),
    batch: typeof entry.batch === "number" ? entry.batch : null,
    lowWatermark: instant(entry.lowWatermark),
    through: vector(entry.through),
    finalThrough: instant(entry.finalThrough),
  };
}

function vector(value: unknown): OffsetVector {
  return typeof value === "object" && value !== null ? (value as OffsetVector) : {};
}

function instant(value: unknown): string | null {
  const micros = typeof value === "string" ? parseInstant(value) : undefined;
  return micros === undefined ? null : formatInstant(micros);
}
