import { createEncoder } from "../../producer/src/event-encoder.ts";
import { registerContract } from "../../producer/src/registration.ts";
import { send, topic } from "../integration/shared-stack.ts";
import type { Stack } from "../stack/stack.ts";

/** A renewal by its id, with what is not as always. */
export interface Renewal {
  id: string;
  plan_tier?: string;
  /** how long ago it happened */
  agoMs?: number;
}

/** Sends renewals of 12.50 EUR. */
export async function sendRenewals(stack: Stack, renewals: readonly Renewal[]): Promise<void> {
  const encode = createEncoder(await registerContract(stack.registryUrl, `${topic}-value`));
  const now = Date.now();
  const values = renewals.map(({ id, plan_tier = "pro", agoMs = 0 }) =>
    encode({
      ...{ event_id: id, event_time: new Date(now - agoMs).toISOString(), ingest_time: new Date(now).toISOString() },
      ...{ account_id: "a-1", event_type: "renewal", plan_tier, region: "EU", currency: "EUR", amount: 12.5 },
      ...{ schema_version: 1, user_id: null, source: null, trace_id: null },
    }),
  );
  await send(stack, values);
}
