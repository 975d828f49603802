import { CURRENCIES, EVENT_TYPES, NEGATIVE_TYPES, PLAN_TIERS, REGIONS, type SalesEvent, SOURCES } from "../contract.ts";
import { toCents } from "./money.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Why a decoded event breaks the contract. */
export type InvalidReason = "BAD_AMOUNT" | "BAD_TIMESTAMP" | "INVALID_DOMAIN" | "NULL_REQUIRED";

/** An event that keeps the contract, in its normal form. */
export interface ValidEvent {
  eventId: string;
  /** microseconds since 1970 */
  eventTime: bigint;
  planTier: string;
  region: string;
  currency: string;
  cents: bigint;
}

/** What stands for a value of the contract: column → normal form → value. */
export type Aliases = Partial<
  Record<"event_type" | "plan_tier" | "region" | "currency" | "source", Record<string, string>>
>;

const REQUIRED = [
  "event_id",
  "event_time",
  "ingest_time",
  "account_id",
  "event_type",
  "plan_tier",
  "region",
  "currency",
] as const;

/**
 * Applies docs/contracts.md §5.2 to a decoded event.
 * @param amount the amount where it is another one, as a text that is exact
 * @returns the event in its normal form, or every reason that applies, sorted by name
 */
export function validate(
  raw: SalesEvent,
  amount: number | string = raw.amount,
  aliases: Aliases = {},
): { event: ValidEvent } | { invalid: InvalidReason[] } {
  const event = normalise(raw, aliases);
  const eventTime = parseTimestamp(event.event_time);
  const ingestTime = parseTimestamp(event.ingest_time);
  const cents = toCents(amount);

  const broken: Record<InvalidReason, boolean> = {
    BAD_AMOUNT: cents === undefined || NEGATIVE_TYPES.includes(event.event_type) !== cents < 0n,
    BAD_TIMESTAMP:
      (event.event_time !== "" && eventTime === undefined) || (event.ingest_time !== "" && ingestTime === undefined),
    INVALID_DOMAIN:
      outside(EVENT_TYPES, event.event_type) ||
      outside(PLAN_TIERS, event.plan_tier) ||
      outside(REGIONS, event.region) ||
      outside(CURRENCIES, event.currency) ||
      outside(SOURCES, event.source),
    NULL_REQUIRED: REQUIRED.some((field) => event[field] === ""),
  };
  const invalid = (Object.keys(broken) as InvalidReason[]).filter((reason) => broken[reason]);
  if (invalid.length > 0 || eventTime === undefined || cents === undefined) return { invalid };
  const { event_id: eventId, plan_tier: planTier, region, currency } = event;
  return { event: { eventId, eventTime, planTier, region, currency, cents } };
}

function normalise(raw: SalesEvent, aliases: Aliases) {
  const meant = (column: keyof Aliases, form: string) =>
    new Map(Object.entries(aliases[column] ?? {})).get(form) ?? form;
  return {
    event_id: trim(raw.event_id),
    event_time: trim(raw.event_time),
    ingest_time: trim(raw.ingest_time),
    account_id: trim(raw.account_id),
    event_type: meant("event_type", trim(raw.event_type).toLowerCase()),
    plan_tier: meant("plan_tier", trim(raw.plan_tier).toLowerCase()),
    region: meant("region", trim(raw.region).toUpperCase()),
    currency: meant("currency", trim(raw.currency).toUpperCase()),
    source: meant("source", trim(raw.source ?? "").toLowerCase()),
  };
}

/** Spaces only: a tab or a line break is part of the text. */
function trim(text: string): string {
  return text.replace(/^ +| +$/g, "");
}

function outside(domain: readonly string[], text: string): boolean {
  return text !== "" && !domain.includes(text);
}
