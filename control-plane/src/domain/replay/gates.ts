import type { FieldError } from "../problem.ts";
import { fromCents, toCents } from "../revenue/amount.ts";
import { DIMENSIONS } from "../revenue/dimensions.ts";
import { type DiffSummary, disagreements } from "./diff.ts";

/** How much a replay may change before somebody has to say that this is right; what is left out has no limit. */
export interface Gates {
  /** figures of windows that are added, removed or changed */
  maxWindowsChanged?: number;
  /** by currency: what the revenue of no single window may change by more than */
  maxRevenueChange?: Record<string, string>;
  /** in no currency may what its windows gained or lost, added up, be more than this share of its revenue */
  maxRevenueChangeRatio?: number;
  /** records of silver that differ */
  maxRecordsChanged?: number;
  /** no figure that was said to be final may change */
  noFinalWindowChanged?: boolean;
}

export interface GateResult {
  /** `sameRecords`, or the name of the limit, with the currency where it is about one: `maxRevenueChange.USD` */
  gate: string;
  passed: boolean;
  /** as it was found */
  actual: string;
  /** as it was allowed */
  limit: string;
  /** in a sentence */
  text: string;
  /** false: figures of different records cannot be compared, and no reason makes them comparable */
  overridable: boolean;
}

const AMOUNT = /^\d{1,30}(\.\d{1,2})?$/;

/**
 * Checks what the form of a request does not say: that currencies are known and limits are amounts.
 * @param field where the gates stand in the request, for messages
 */
export function checkGates({ maxRevenueChange = {} }: Gates, field = "body.gates"): FieldError[] {
  const currencies: readonly string[] = DIMENSIONS.currency;
  return Object.entries(maxRevenueChange).flatMap(([currency, value]): FieldError[] => {
    const at = `${field}.maxRevenueChange`;
    if (!currencies.includes(currency)) {
      return [{ field: at, value: currency, expected: `limits by currency: ${currencies.join(", ")}` }];
    }
    const expected = "an amount of money as text, such as 100.00";
    return AMOUNT.test(value) ? [] : [{ field: `${at}.${currency}`, value, expected }];
  });
}

/** Holds a diff against the limits that were set for it; the first gate, that both sides read the same records, is always there. */
export function evaluateGates(gates: Gates, summary: DiffSummary): GateResult[] {
  return [
    sameRecords(summary),
    ...windowsChanged(gates, summary),
    ...revenueChange(gates, summary),
    ...revenueRatio(gates, summary),
    ...recordsChanged(gates, summary),
    ...finalsChanged(gates, summary),
  ];
}

function sameRecords(summary: DiffSummary): GateResult {
  const wrong = disagreements(summary);
  return {
    gate: "sameRecords",
    passed: wrong.length === 0,
    actual: wrong.length === 0 ? "the same" : `${wrong.length} disagreement${wrong.length === 1 ? "" : "s"}`,
    limit: "the same",
    text: wrong.length === 0 ? "Both generations hold the same records, each once." : wrong.join(" "),
    overridable: false,
  };
}

function windowsChanged({ maxWindowsChanged: limit }: Gates, { windows }: DiffSummary): GateResult[] {
  if (limit === undefined) return [];
  const changed = windows.added + windows.removed + windows.changed;
  const text = `${changed} window figures are added, removed or changed; allowed are ${limit}.`;
  return [result("maxWindowsChanged", changed <= limit, changed, limit, text)];
}

function revenueChange({ maxRevenueChange = {} }: Gates, { currencies }: DiffSummary): GateResult[] {
  return Object.entries(maxRevenueChange).map(([currency, given]) => {
    const limit = amountOf(given);
    const largest = currencies.find((found) => found.currency === currency)?.largest ?? null;
    const change = largest === null ? 0n : size(toCents(largest.difference.revenue));
    const where = largest === null ? "" : ` (${largest.window_start}, ${largest.plan_tier} ${largest.region})`;
    const text = `The largest change of one window in ${currency} is ${fromCents(change)}${where}; allowed is ${fromCents(limit)}.`;
    return result(`maxRevenueChange.${currency}`, change <= limit, fromCents(change), fromCents(limit), text);
  });
}

/** Parts of a million million, so that shares are compared as whole numbers. */
const PRECISION = 12;

function revenueRatio({ maxRevenueChangeRatio: limit }: Gates, { currencies }: DiffSummary): GateResult[] {
  if (limit === undefined) return [];
  const allowed = BigInt(limit.toFixed(PRECISION).replace(".", ""));
  return currencies.map(({ currency, before, moved }) => {
    const [change, total] = [toCents(moved), size(toCents(before.revenue))];
    const passed = change * 10n ** BigInt(PRECISION) <= allowed * total;
    const actual = change === 0n ? "0" : total === 0n ? "infinite" : String(Number(change) / Number(total));
    const text = `Windows in ${currency} gained or lost ${moved} of ${before.revenue}; allowed is a share of ${limit}.`;
    return result(`maxRevenueChangeRatio.${currency}`, passed, actual, limit, text);
  });
}

function recordsChanged({ maxRecordsChanged: limit }: Gates, { records }: DiffSummary): GateResult[] {
  if (limit === undefined) return [];
  const changed = BigInt(records.added) + BigInt(records.removed) + BigInt(records.changed);
  const text = `${changed} records of silver differ; allowed are ${limit}.`;
  return [result("maxRecordsChanged", changed <= BigInt(limit), changed, limit, text)];
}

function finalsChanged({ noFinalWindowChanged }: Gates, { windows }: DiffSummary): GateResult[] {
  if (noFinalWindowChanged !== true) return [];
  const changed = windows.finalChanged;
  const text = `Of the figures that were said to be final, ${changed} change; allowed is none.`;
  return [result("noFinalWindowChanged", changed === 0, changed, 0, text)];
}

type Said = string | number | bigint;

function result(gate: string, passed: boolean, actual: Said, limit: Said, text: string): GateResult {
  return { gate, passed, actual: String(actual), limit: String(limit), text, overridable: true };
}

/** Cents of an amount that a person wrote: `100`, `100.5`, `100.50`. */
function amountOf(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole) * 100n + BigInt(fraction.padEnd(2, "0"));
}

function size(cents: bigint): bigint {
  return cents < 0n ? -cents : cents;
}
