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
  /** only in `final`: every window that ends at or before it is final */
  finalThrough: string | null;
}

/**
 * Reads a ledger entry.
 * @returns undefined for everything else that people and tools write into `userMetadata`
 */
export function parseLedgerEntry(text: string): LedgerEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
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
    finalThrough: instant(entry.finalThrough),
  };
}

function instant(value: unknown): string | null {
  const micros = typeof value === "string" ? parseInstant(value) : undefined;
  return micros === undefined ? null : formatInstant(micros);
}
