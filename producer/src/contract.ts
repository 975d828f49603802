import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the Avro contract lies. */
export const CONTRACT_FILE = fileURLToPath(new URL("../schemas/sales-event.avsc", import.meta.url));

/** The Avro contract as JSON text. */
export function readContract(): string {
  return readFileSync(CONTRACT_FILE, "utf8");
}

/** An event in the shape of the Avro contract. Domains are not enforced here: wrong values can be written and read. */
export interface SalesEvent {
  event_id: string;
  event_time: string;
  ingest_time: string;
  account_id: string;
  event_type: string;
  plan_tier: string;
  region: string;
  currency: string;
  amount: number;
  schema_version: number;
  user_id: string | null;
  source: string | null;
  trace_id: string | null;
}

export const EVENT_TYPES = ["subscription_created", "renewal", "upgrade", "refund", "chargeback"] as const;
/** Event types whose amount must be below zero. */
export const NEGATIVE_TYPES: readonly string[] = ["refund", "chargeback"];
export const PLAN_TIERS = ["free", "pro", "enterprise"] as const;
export const REGIONS = ["NA", "EU", "LATAM", "APAC"] as const;
export const CURRENCIES = ["USD", "CAD", "EUR"] as const;
export const SOURCES = ["web", "mobile", "backend", "billing"] as const;
