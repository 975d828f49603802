import { formatDuration } from "../duration.ts";

/** What a refused record says of itself, as far as it could be decoded. */
export interface RefusedRecord {
  outcome: string;
  reasons: string[] | null;
  /** microseconds since 1970 */
  eventTime: bigint;
  appendedAt: bigint;
}

const REASONS: Record<string, string> = {
  BAD_AMOUNT: "its amount is no amount, does not fit into 18 digits, or has the wrong sign for its event type",
  BAD_TIMESTAMP: "its ingest time cannot be read",
  INVALID_DOMAIN: "a field has a value outside of its domain",
  NULL_REQUIRED: "a required field is empty",
};

/** Why a record was not counted, as a sentence. */
export function whyRefused(
  { outcome, reasons, eventTime, appendedAt }: RefusedRecord,
  rules: { allowedLatenessMs: number; allowedSkewMs: number },
): string {
  const ahead = eventTime - appendedAt;
  switch (outcome) {
    case "late":
      return `It was appended ${spoken(-ahead)} after it happened; ${formatDuration(rules.allowedLatenessMs)} are allowed.`;
    case "future":
      return `It happened ${spoken(ahead)} after it was appended; ${formatDuration(rules.allowedSkewMs)} are allowed.`;
    case "duplicate":
      return "A record with the same event_id had been accepted before it.";
    default:
      return `It is ${outcome}: ${(reasons ?? []).map((reason) => REASONS[reason] ?? reason).join("; ")}.`;
  }
}

/** To the microsecond, since a record may be refused for one: `10m0.000001s`. */
function spoken(micros: bigint): string {
  const hours = micros / 3_600_000_000n;
  const minutes = (micros / 60_000_000n) % 60n;
  const seconds = Number(micros % 60_000_000n) / 1_000_000;
  return `${hours === 0n ? "" : `${hours}h`}${hours === 0n && minutes === 0n ? "" : `${minutes}m`}${seconds}s`;
}
