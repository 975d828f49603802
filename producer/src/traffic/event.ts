import { CURRENCIES, EVENT_TYPES, NEGATIVE_TYPES, PLAN_TIERS, REGIONS, type SalesEvent, SOURCES } from "../contract.ts";
import type { Random } from "../random.ts";

const EARNING_TYPES = EVENT_TYPES.filter((type) => !NEGATIVE_TYPES.includes(type));
const PRICES = [29, 49, 99, 199, 499];

/**
 * Draws an event that keeps the contract.
 * @param times milliseconds since 1970
 */
export function drawEvent(
  random: Random,
  times: { event: number; ingest: number },
  options: { accounts: number; refund: boolean },
): SalesEvent {
  const price = random.pick(PRICES);
  // A third of the prices is discounted, so that cents have to be summed.
  const amount = random.chance(0.33) ? Math.round(price * random.int(50, 99)) / 100 : price;
  const account = random.int(1, options.accounts);
  return {
    event_id: random.uuid(),
    event_time: new Date(times.event).toISOString(),
    ingest_time: new Date(times.ingest).toISOString(),
    account_id: `acc-${String(account).padStart(6, "0")}`,
    event_type: random.pick(options.refund ? NEGATIVE_TYPES : EARNING_TYPES),
    plan_tier: random.pick(PLAN_TIERS),
    region: random.pick(REGIONS),
    currency: random.pick(CURRENCIES),
    amount: options.refund ? -amount : amount,
    schema_version: 1,
    user_id: random.chance(0.8) ? `user-${random.int(1, options.accounts * 3)}` : null,
    source: random.chance(0.9) ? random.pick(SOURCES) : null,
    trace_id: random.chance(0.5) ? random.hex() + random.hex() : null,
  };
}
