import type { SalesEvent } from "../../contract.ts";
import { REQUIRED, VIOLATIONS } from "../invalid.ts";
import { ODDITIES } from "../odd.ts";
import { type Card, changing } from "./card.ts";

/** Quotes, a comment, a NUL, a line break, an emoji, and a mark that turns the direction of reading. */
const OF_ALL_KINDS = `'"\\;-- \u0000\n🦀\u202e`;

const STRANGE: Record<string, Partial<SalesEvent>> = {
  "unknown event type": { event_type: "purchase" },
  "unknown plan tier": { plan_tier: "platinum" },
  "unknown region": { region: "MARS" },
  "unknown currency": { currency: "GBP" },
  "unknown source": { source: "fax" },
  "tab behind a tier": { plan_tier: "pro\t" },
  "no-break space behind a currency": { currency: "USD\u00a0" },
  "line break behind a region": { region: "EU\n" },
  "zero-width space in a source": { source: "we\u200bb" },
};

/** Cards about what stands in the fields, by the ways that everyday traffic knows, and by name. */
export const TEXT_CARDS: readonly Card[] = [
  ...Object.entries(ODDITIES).map(([variant, change]) =>
    changing("odd", variant, ({ event }, { random }) => change(event, random)),
  ),
  ...Object.entries(VIOLATIONS).map(([variant, change]) =>
    changing("invalid", variant, ({ event }, { random }) => change(event, random)),
  ),
  ...Object.entries(STRANGE).map(([variant, changes]) =>
    changing("invalid", variant, ({ event }) => void Object.assign(event, changes)),
  ),
  ...REQUIRED.map((field) =>
    changing("invalid", `empty ${field}`, ({ event }) => void Object.assign(event, { [field]: "" })),
  ),
  ...REQUIRED.map((field) =>
    changing("invalid", `blank ${field}`, ({ event }) => void Object.assign(event, { [field]: "   " })),
  ),
  changing("odd", "text of all kinds", ({ event }) => {
    event.event_id += OF_ALL_KINDS;
    event.account_id = OF_ALL_KINDS;
    event.user_id = OF_ALL_KINDS;
    event.trace_id = "null";
  }),
  changing("odd", "letters that become ASCII", ({ event }) => {
    // The Kelvin sign's lower case is k, the long s's upper case is S.
    event.source = "bac\u212aend";
    event.currency = "u\u017fd";
  }),
  changing("odd", "blank where nothing is needed", ({ event }) => {
    event.source = "  ";
    event.user_id = "  ";
  }),
];
