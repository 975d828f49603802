import type { SalesEvent } from "../src/contract.ts";

/** 2026-11-21T10:00:00Z in milliseconds since 1970. */
export const TEN = Date.UTC(2026, 10, 21, 10);

/** An event that keeps the contract, with what a test wants to be different. */
export function sampleEvent(changes: Partial<SalesEvent> = {}): SalesEvent {
  return {
    event_id: "e-1",
    event_time: "2026-11-21T10:00:00.000Z",
    ingest_time: "2026-11-21T10:00:01Z",
    account_id: "acc-1",
    event_type: "renewal",
    plan_tier: "pro",
    region: "EU",
    currency: "EUR",
    amount: 19.99,
    schema_version: 1,
    user_id: null,
    source: "web",
    trace_id: null,
    ...changes,
  };
}
