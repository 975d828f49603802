import { expect, test } from "vitest";
import type { OutcomeCounts } from "../../producer/src/oracle/comparison.ts";
import { digestOf } from "./digest.ts";

const window = {
  window_start: "2026-11-21T10:00:00Z",
  window_end: "2026-11-21T10:05:00Z",
  plan_tier: "pro",
  region: "EU",
  currency: "EUR",
  revenue: "10.00",
  event_count: 2,
};
const other = { ...window, currency: "USD" };
const outcomes: OutcomeCounts = {
  items: [{ outcome: "invalid", records: "2", reasons: { BAD_AMOUNT: "1", NULL_REQUIRED: "1" } }],
  records: "4",
  distinctOffsets: "4",
};

test("a digest is the same in any order, and whether a window is final or not", () => {
  const reasons = { NULL_REQUIRED: "1", BAD_AMOUNT: "1" };
  const final = { ...window, status: "final", revision: 2 };
  const same = { ...outcomes, items: [{ outcome: "invalid", records: "2", reasons }] };
  expect(digestOf([other, final], same)).toBe(digestOf([window, other], outcomes));
});

test("a digest is another one for a cent, an event or a reason", () => {
  const digest = digestOf([window], outcomes);
  const changed = { ...outcomes, items: [{ outcome: "invalid", records: "2", reasons: { BAD_AMOUNT: "2" } }] };
  expect(digestOf([{ ...window, revenue: "10.01" }], outcomes)).not.toBe(digest);
  expect(digestOf([{ ...window, event_count: 3 }], outcomes)).not.toBe(digest);
  expect(digestOf([window], changed)).not.toBe(digest);
});
