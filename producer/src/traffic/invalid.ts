import { NEGATIVE_TYPES, type SalesEvent } from "../contract.ts";
import type { Random } from "../random.ts";

/** Breaks a good event against the contract; it stays decodable. */
type Violation = (event: SalesEvent, random: Random) => void;

/** Fields that must not be empty. */
export const REQUIRED = [
  "event_id",
  "event_time",
  "ingest_time",
  "account_id",
  "event_type",
  "plan_tier",
  "region",
  "currency",
];
const DOMAINS: [keyof SalesEvent, readonly string[]][] = [
  ["event_type", ["purchase", "re fund", "renewal\n"]],
  ["plan_tier", ["platinum", "pro\t", "pró"]],
  ["region", ["MARS", "E U", "EMEA"]],
  ["currency", ["GBP", "USD\u00a0", "US$"]],
  ["source", ["fax", "web,mobile", "-"]],
];
/** From a good ISO-8601 text with milliseconds to a bad one. */
const BAD_TIMES: readonly ((iso: string) => string)[] = [
  () => "yesterday",
  (iso) => String(Date.parse(iso)),
  (iso) => iso.replace("T", " "),
  (iso) => iso.replace("Z", ""),
  (iso) => iso.replace("Z", "+02:00"),
  (iso) => iso.replace("Z", "0000000Z"),
  (iso) => `${iso}\n`,
  (iso) => iso.replace(/-\d\d-\d\dT/, "-02-30T"),
  (iso) => iso.replace(/-\d\dT/, "-00T"),
  (iso) => iso.replace(/T\d\d/, "T24"),
  (iso) => iso.replace(/:\d\d\./, ":60."),
  (iso) => `0${iso.slice(1)}`,
  (iso) => iso.toLowerCase(),
];
const BAD_AMOUNTS = [Number.NaN, Infinity, -Infinity, 1e30, -1e30, 1e16, Number.MAX_VALUE];

/** The kinds of violations by name, each of which occurs in a long enough sequence. */
export const VIOLATIONS = {
  missing: (event, random) => {
    Object.assign(event, { [random.pick(REQUIRED)]: random.pick(["", "   "]) });
  },
  domain: (event, random) => {
    const [field, values] = random.pick(DOMAINS);
    Object.assign(event, { [field]: random.pick(values) });
  },
  timestamp: (event, random) => {
    const field = random.pick(["event_time", "ingest_time"] as const);
    event[field] = random.pick(BAD_TIMES)(event[field]);
  },
  amount: (event, random) => {
    event.amount = random.pick(BAD_AMOUNTS);
  },
  sign: (event, random) => {
    const mustBeNegative = NEGATIVE_TYPES.includes(event.event_type);
    // Half a cent is where the sign of the rounded amount begins.
    const size = random.pick([Math.abs(event.amount), 0.005]);
    event.amount = mustBeNegative ? random.pick([size, 0, -0, -0.004]) : -size;
  },
  several: (event, random) => {
    for (const name of ["missing", "domain", "timestamp", "amount"] as const) {
      if (random.chance(0.6)) VIOLATIONS[name](event, random);
    }
    event.plan_tier = "unknown";
  },
} satisfies Record<string, Violation>;
