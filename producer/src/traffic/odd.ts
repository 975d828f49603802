import { NEGATIVE_TYPES, type SalesEvent } from "../contract.ts";
import type { Random } from "../random.ts";

/** Writes a good event in a way that is unusual, and still within the contract. */
type Oddity = (event: SalesEvent, random: Random) => void;

const CASED = ["event_type", "plan_tier", "region", "currency", "source"] as const;
const SPACED = ["event_id", "event_time", "ingest_time", "account_id", ...CASED] as const;

/** The kinds of oddities by name. */
export const ODDITIES = {
  case: (event, random) => {
    for (const field of CASED) {
      const text = event[field];
      if (text === null) continue;
      event[field] = random.pick([
        text.toLowerCase(),
        text.toUpperCase(),
        text.slice(0, 1).toUpperCase() + text.slice(1),
      ]);
    }
  },
  spaces: (event, random) => {
    for (const field of SPACED) {
      if (event[field] !== null && random.chance(0.5)) event[field] = ` ${event[field]}  `;
    }
  },
  time: (event, random) => {
    const [seconds = ""] = event.event_time.split(".");
    const fraction = random.pick(["", ".1", ".000001", ".999999", ".1234567", ".999999999"]);
    event.event_time = `${seconds}${fraction}${random.pick(["Z", "+00:00"])}`;
  },
  rounding: (event, random) => {
    const sign = NEGATIVE_TYPES.includes(event.event_type) ? -1 : 1;
    event.amount = sign * random.pick([1.005, 2.675, 19.995, 0.015, 1234.565, 0.005, 33.333333333]);
  },
  zero: (event, random) => {
    if (!NEGATIVE_TYPES.includes(event.event_type)) event.amount = random.pick([0, -0, 0.004, -0.004]);
  },
  empty: (event) => {
    event.source = "";
    event.user_id = "";
    event.trace_id = "";
  },
} satisfies Record<string, Oddity>;
