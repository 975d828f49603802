import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { SalesEvent } from "../../src/contract.ts";
import { type Aliases, validate } from "../../src/oracle/rules.ts";
import { sampleEvent, TEN } from "../event-samples.ts";

function reasonsFor(changes: Partial<SalesEvent>): string[] {
  const result = validate(sampleEvent(changes));
  return "invalid" in result ? result.invalid : [];
}

test("a good event comes out in its normal form", () => {
  expect(validate(sampleEvent())).toEqual({
    event: {
      eventId: "e-1",
      eventTime: BigInt(TEN) * 1000n,
      planTier: "pro",
      region: "EU",
      currency: "EUR",
      cents: 1999n,
    },
  });
});

test("spaces around and other letter case are not held against an event", () => {
  const odd = sampleEvent({
    event_id: "  e-1 ",
    event_time: " 2026-11-21T10:00:00Z ",
    ingest_time: " 2026-11-21T10:00:00Z",
    account_id: " acc-1",
    event_type: " ReNewal ",
    plan_tier: "PRO  ",
    region: " eu",
    currency: "Eur ",
    source: " WEB ",
  });
  expect(validate(odd)).toEqual(validate(sampleEvent()));
});

test("the case of an event id matters", () => {
  expect(validate(sampleEvent({ event_id: "E-1" }))).toMatchObject({ event: { eventId: "E-1" } });
});

describe("NULL_REQUIRED", () => {
  const REQUIRED = [
    "event_id",
    "event_time",
    "ingest_time",
    "account_id",
    "event_type",
    "plan_tier",
    "region",
    "currency",
  ];

  test.each(REQUIRED)("an empty %s is missing, and nothing else is wrong with it", (field) => {
    expect(reasonsFor({ [field]: "" })).toEqual(["NULL_REQUIRED"]);
    expect(reasonsFor({ [field]: "   " })).toEqual(["NULL_REQUIRED"]);
  });

  test("optional fields may be absent or empty", () => {
    expect(reasonsFor({ source: null, user_id: null, trace_id: null })).toEqual([]);
    expect(reasonsFor({ source: " ", user_id: "", trace_id: "" })).toEqual([]);
  });
});

describe("INVALID_DOMAIN", () => {
  test.each(["event_type", "plan_tier", "region", "currency", "source"])("a %s outside its domain", (field) => {
    expect(reasonsFor({ [field]: "other" })).toEqual(["INVALID_DOMAIN"]);
  });

  test("only spaces are trimmed: tabs, line breaks and no-break spaces are part of the text", () => {
    for (const currency of ["EUR\t", "\nEUR", "EUR\u00a0"])
      expect(reasonsFor({ currency })).toEqual(["INVALID_DOMAIN"]);
  });

  test("a word with a space inside is another word", () => {
    expect(reasonsFor({ region: "E U" })).toEqual(["INVALID_DOMAIN"]);
  });
});

describe("BAD_TIMESTAMP", () => {
  test.each(["event_time", "ingest_time"])("%s is read strictly", (field) => {
    for (const text of ["yesterday", "2026-02-30T10:00:00Z", "2026-11-21T10:00:00", "2026-11-21T10:00:00Z\n"]) {
      expect(reasonsFor({ [field]: text })).toEqual(["BAD_TIMESTAMP"]);
    }
  });

  test("one missing and the other bad are two reasons", () => {
    expect(reasonsFor({ event_time: "", ingest_time: "now" })).toEqual(["BAD_TIMESTAMP", "NULL_REQUIRED"]);
  });
});

describe("BAD_AMOUNT", () => {
  test.each([Number.NaN, Infinity, -Infinity, 1e16, 1e30])("%d is no amount of money", (amount) => {
    expect(reasonsFor({ amount })).toEqual(["BAD_AMOUNT"]);
    expect(reasonsFor({ amount, event_type: "refund" })).toEqual(["BAD_AMOUNT"]);
  });

  test.each(["refund", "chargeback"])("a %s is below zero", (event_type) => {
    expect(reasonsFor({ event_type, amount: -0.01 })).toEqual([]);
    for (const amount of [0, -0, 0.01, 29]) expect(reasonsFor({ event_type, amount })).toEqual(["BAD_AMOUNT"]);
  });

  test.each(["subscription_created", "renewal", "upgrade"])("a %s is zero or more", (event_type) => {
    for (const amount of [0, -0, 0.01]) expect(reasonsFor({ event_type, amount })).toEqual([]);
    expect(reasonsFor({ event_type, amount: -0.01 })).toEqual(["BAD_AMOUNT"]);
  });

  test("the sign is that of the rounded amount", () => {
    expect(reasonsFor({ amount: -0.004 })).toEqual([]);
    expect(reasonsFor({ amount: -0.005 })).toEqual(["BAD_AMOUNT"]);
    expect(reasonsFor({ event_type: "refund", amount: -0.004 })).toEqual(["BAD_AMOUNT"]);
    expect(reasonsFor({ event_type: "refund", amount: -0.005 })).toEqual([]);
  });

  test("an unknown or missing event type is held to zero or more", () => {
    expect(reasonsFor({ event_type: "gift", amount: -1 })).toEqual(["BAD_AMOUNT", "INVALID_DOMAIN"]);
    expect(reasonsFor({ event_type: "", amount: -1 })).toEqual(["BAD_AMOUNT", "NULL_REQUIRED"]);
    expect(reasonsFor({ event_type: "gift", amount: 1 })).toEqual(["INVALID_DOMAIN"]);
  });

  test("the event type is read without regard to case before the sign is judged", () => {
    expect(reasonsFor({ event_type: " REFUND ", amount: -5 })).toEqual([]);
  });
});

test("every reason that applies is named, sorted", () => {
  expect(reasonsFor({ event_id: " ", event_time: "?", region: "MARS", amount: Number.NaN })).toEqual([
    "BAD_AMOUNT",
    "BAD_TIMESTAMP",
    "INVALID_DOMAIN",
    "NULL_REQUIRED",
  ]);
});

describe("aliases", () => {
  interface AliasCase {
    name: string;
    fields: Partial<SalesEvent>;
    becomes?: Record<string, string>;
    invalid?: string[];
  }
  // Silver is held to the same cases (test_classify.py).
  const file = new URL("../../../spark_jobs/tests/pipelines/sales/alias-cases.json", import.meta.url);
  const { aliases, cases } = JSON.parse(readFileSync(file, "utf8")) as { aliases: Aliases; cases: AliasCase[] };

  test.each(cases)("$name", ({ fields, becomes = {}, invalid }) => {
    const given = sampleEvent({ amount: 49, ...fields });
    const expected = invalid === undefined ? validate({ ...given, ...becomes }) : { invalid };
    expect(validate(given, given.amount, aliases)).toEqual(expected);
  });

  test("are none unless they are declared", () => {
    expect(reasonsFor({ plan_tier: "gold" })).toEqual(["INVALID_DOMAIN"]);
  });
});
