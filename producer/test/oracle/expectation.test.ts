import { describe, expect, test } from "vitest";
import { readContract, type SalesEvent } from "../../src/contract.ts";
import { createEncoder } from "../../src/event-encoder.ts";
import { createDecoder, type RawRecord } from "../../src/oracle/decode.ts";
import { type AppliedOverride, type Expectation, expectationOf, OUTCOMES } from "../../src/oracle/expectation.ts";
import { sampleEvent, TEN } from "../event-samples.ts";

const RULES = { windowMs: 300_000, allowedLatenessMs: 600_000, allowedSkewMs: 300_000 };
const encode = createEncoder(7);
const decode = createDecoder(readContract(), new Map([[7, readContract()]]));

interface Place {
  partition?: number;
  offset?: number;
  /** milliseconds since 1970 */
  at?: number;
}

function record(changes: Partial<SalesEvent> = {}, { partition = 0, offset = 0, at = TEN }: Place = {}): RawRecord {
  return { partition, offset: BigInt(offset), timestampMs: BigInt(at), value: encode(sampleEvent(changes)) };
}

function expectationFor(...records: RawRecord[]): Expectation {
  return expectationOf(records, decode, RULES);
}

function counts(expectation: Expectation): Record<string, number> {
  const entries = OUTCOMES.map((outcome) => [outcome, expectation.outcomes[outcome].records] as const);
  return Object.fromEntries(entries.filter(([, records]) => records > 0));
}

describe("late and future", () => {
  test("an event is late from one microsecond beyond the allowed lateness", () => {
    const exactly = record({ event_id: "a", event_time: "2026-11-21T09:50:00Z" });
    const beyond = record({ event_id: "b", event_time: "2026-11-21T09:49:59.999999Z" }, { offset: 1 });
    expect(counts(expectationFor(exactly, beyond))).toEqual({ accepted: 1, late: 1 });
  });

  test("an event is from the future from one microsecond beyond the allowed skew", () => {
    const exactly = record({ event_id: "a", event_time: "2026-11-21T10:05:00Z" });
    const beyond = record({ event_id: "b", event_time: "2026-11-21T10:05:00.000001Z" }, { offset: 1 });
    expect(counts(expectationFor(exactly, beyond))).toEqual({ accepted: 1, future: 1 });
  });

  test("digits beyond microseconds are cut before that is decided", () => {
    expect(counts(expectationFor(record({ event_time: "2026-11-21T10:05:00.000000999Z" })))).toEqual({ accepted: 1 });
  });

  test("an event that breaks the contract is invalid, however late", () => {
    const expectation = expectationFor(record({ event_time: "1999-01-01T00:00:00Z", region: "MARS" }));
    expect(counts(expectation)).toEqual({ invalid: 1 });
    expect(expectation.outcomes.invalid.reasons).toEqual({ INVALID_DOMAIN: 1 });
  });
});

describe("rules of a stretch", () => {
  const late = { event_time: "2026-11-21T09:30:00Z" };
  const LONGER = { from: { "0": "1" }, to: { "0": "3" }, rules: { allowedLatenessMs: 3_600_000 } };

  test("hold for its records and for no other", () => {
    const records = ["a", "b", "c", "d"].map((event_id, offset) => record({ ...late, event_id }, { offset }));
    const other = record({ ...late, event_id: "e" }, { partition: 1, offset: 1 });
    const expectation = expectationOf([...records, other], decode, { ...RULES, bounded: [LONGER] });
    expect(counts(expectation)).toEqual({ accepted: 2, late: 3 });
  });

  test("come before those of the next one", () => {
    const none = { from: null, to: { "0": "2" }, rules: { allowedLatenessMs: 0 } };
    const records = [record(late, { offset: 1 }), record({ ...late, event_id: "b" }, { offset: 2 })];
    const outcomes = (bounded: (typeof LONGER | typeof none)[]) =>
      counts(expectationOf(records, decode, { ...RULES, bounded }));
    expect(outcomes([LONGER, none])).toEqual({ accepted: 2 });
    expect(outcomes([none, LONGER])).toEqual({ accepted: 1, late: 1 });
  });
});

describe("a record that people let in", () => {
  const late = { event_time: "2026-11-21T09:00:00Z" };
  const letIn = (records: RawRecord[], overrides: AppliedOverride[]) =>
    expectationOf(records, decode, RULES, overrides);

  test("is neither late nor future, and counts with what was replaced", () => {
    const records = [record({ ...late, event_id: "a" }), record({ region: "MARS", event_id: "b" }, { offset: 1 })];
    const expectation = letIn(records, [
      { partition: 0, offset: "0", set: {} },
      { partition: 0, offset: "1", set: { region: "EU", amount: "7.25" } },
    ]);
    expect(counts(expectation)).toEqual({ accepted: 2 });
    expect(expectation.windows.map(({ window_start, region, revenue }) => [window_start, region, revenue])).toEqual([
      ["2026-11-21T09:00:00Z", sampleEvent().region, expect.any(String)],
      ["2026-11-21T10:00:00Z", "EU", "7.25"],
    ]);
  });

  test("counts with every cent of its amount, more than a double has", () => {
    const amount = "9007199254740993.07";
    const expectation = letIn(
      [record({ region: "MARS" })],
      [{ partition: 0, offset: "0", set: { region: "EU", amount } }],
    );
    expect(expectation.windows.map(({ revenue }) => revenue)).toEqual([amount]);
  });

  test("makes copies of it duplicates, also those that were appended before it", () => {
    const records = [
      record({ event_id: "a" }, { at: TEN - 1 }),
      record({ event_id: "a", region: "MARS" }, { offset: 1 }),
    ];
    const overrides = [{ partition: 0, offset: "1", set: { region: "EU", amount: "7.25" } }];
    const expectation = letIn(records, overrides);
    expect(counts(expectation)).toEqual({ accepted: 1, duplicate: 1 });
    expect(expectation.windows.map(({ revenue }) => revenue)).toEqual(["7.25"]);
  });
});

describe("duplicates", () => {
  test("of copies the first by append time is accepted, in whatever order they are read", () => {
    const first = record({ amount: 1 }, { partition: 2, offset: 50, at: TEN });
    const second = record({ amount: 2 }, { partition: 0, offset: 1, at: TEN + 1 });
    for (const records of [
      [first, second],
      [second, first],
    ]) {
      const expectation = expectationFor(...records);
      expect(counts(expectation)).toEqual({ accepted: 1, duplicate: 1 });
      expect(expectation.windows.map(({ revenue }) => revenue)).toEqual(["1.00"]);
    }
  });

  test("at the same time the lower partition wins, then the lower offset", () => {
    const copies = [
      record({ amount: 3 }, { partition: 1, offset: 9 }),
      record({ amount: 2 }, { partition: 1, offset: 10 }),
      record({ amount: 1 }, { partition: 0, offset: 100 }),
    ];
    expect(expectationFor(...copies).windows[0]?.revenue).toBe("1.00");
    expect(expectationFor(...copies.slice(0, 2)).windows[0]?.revenue).toBe("3.00");
  });

  test("ids are compared without the spaces around them", () => {
    const copies = [record({ event_id: "e-1" }), record({ event_id: " e-1  " }, { offset: 1 })];
    expect(counts(expectationFor(...copies))).toEqual({ accepted: 1, duplicate: 1 });
  });

  test.each<[string, Partial<SalesEvent>]>([
    ["late", { event_time: "2026-11-21T09:00:00Z" }],
    ["future", { event_time: "2026-11-21T11:00:00Z" }],
    ["invalid", { amount: -1 }],
  ])("a %s copy before it does not keep an event out", (outcome, changes) => {
    const expectation = expectationFor(record(changes), record({}, { offset: 1 }));
    expect(counts(expectation)).toEqual({ [outcome]: 1, accepted: 1 });
  });

  test("a copy that comes too late is late and no duplicate", () => {
    const copies = [record(), record({}, { offset: 1, at: TEN + 600_001 })];
    expect(counts(expectationFor(...copies))).toEqual({ accepted: 1, late: 1 });
  });

  test("every further copy counts", () => {
    const copies = [0, 1, 2, 3].map((offset) => record({}, { offset }));
    expect(counts(expectationFor(...copies))).toEqual({ accepted: 1, duplicate: 3 });
  });
});

describe("windows", () => {
  test("an event on the boundary belongs to the window that starts there", () => {
    const expectation = expectationFor(
      record({ event_id: "a", event_time: "2026-11-21T09:59:59.999999Z", amount: 1 }),
      record({ event_id: "b", event_time: "2026-11-21T10:00:00Z", amount: 2 }, { offset: 1 }),
    );
    expect(
      expectation.windows.map(({ window_start, window_end, revenue }) => [window_start, window_end, revenue]),
    ).toEqual([
      ["2026-11-21T09:55:00Z", "2026-11-21T10:00:00Z", "1.00"],
      ["2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z", "2.00"],
    ]);
  });

  test("sums are exact, and refunds count below zero", () => {
    const cents = Array.from({ length: 1000 }, (_, i) => record({ event_id: `c-${i}`, amount: 0.1 }, { offset: i }));
    const refund = record({ event_id: "r", event_type: "refund", amount: -250.07 }, { offset: 1000 });
    const [window] = expectationFor(...cents, refund).windows;
    expect(window).toMatchObject({ revenue: "-150.07", event_count: 1001 });
  });

  test("plan tiers, regions and currencies are kept apart, whatever the case they are written in", () => {
    const expectation = expectationFor(
      record({ event_id: "a", currency: "USD" }),
      record({ event_id: "b", currency: " usd " }, { offset: 1 }),
      record({ event_id: "c", currency: "CAD" }, { offset: 2 }),
      record({ event_id: "d", region: "na" }, { offset: 3 }),
      record({ event_id: "e", plan_tier: "Free" }, { offset: 4 }),
    );
    expect(expectation.windows.map((w) => [w.plan_tier, w.region, w.currency, w.event_count])).toEqual([
      ["free", "EU", "EUR", 1],
      ["pro", "EU", "CAD", 1],
      ["pro", "EU", "USD", 2],
      ["pro", "NA", "EUR", 1],
    ]);
  });

  test("only accepted events are in a window", () => {
    const bad: RawRecord = { partition: 0, offset: 1n, timestampMs: BigInt(TEN), value: null };
    expect(expectationFor(bad, record({ amount: -1 })).windows).toEqual([]);
  });

  test("windows may be of any length", () => {
    const rules = { ...RULES, windowMs: 7_000 };
    const [window] = expectationOf([record({ event_time: "2026-11-21T10:00:03.5Z" })], decode, rules).windows;
    const start = Math.floor((TEN + 3_500) / 7_000) * 7_000;
    expect(Date.parse(window?.window_start ?? "")).toBe(start);
    expect(Date.parse(window?.window_end ?? "")).toBe(start + 7_000);
  });
});

test("every record is counted once, with the reasons of those that were refused", () => {
  const place = { partition: 0, timestampMs: BigInt(TEN) };
  const expectation = expectationFor(
    record(),
    { ...place, offset: 1n, value: null },
    { ...place, offset: 2n, value: Buffer.from("{}") },
    { ...place, offset: 3n, value: Buffer.from([0, 0, 0, 0, 99]) },
    { ...place, offset: 4n, value: Buffer.from([0, 0, 0, 0, 7]) },
    record({ amount: Number.NaN, currency: "" }, { offset: 5 }),
    record({ amount: Infinity }, { offset: 6 }),
  );
  expect(expectation.records).toBe(7);
  expect(counts(expectation)).toEqual({ accepted: 1, undecodable: 4, invalid: 2 });
  expect(expectation.outcomes.undecodable.reasons).toEqual({
    NULL_VALUE: 1,
    BAD_MAGIC: 1,
    UNKNOWN_SCHEMA_ID: 1,
    BAD_AVRO: 1,
  });
  expect(expectation.outcomes.invalid.reasons).toEqual({ BAD_AMOUNT: 2, NULL_REQUIRED: 1 });
});
