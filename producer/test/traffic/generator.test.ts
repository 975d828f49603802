import { describe, expect, test } from "vitest";
import { readContract } from "../../src/contract.ts";
import { createEncoder } from "../../src/event-encoder.ts";
import { createDecoder, type RawRecord } from "../../src/oracle/decode.ts";
import { expectationOf, OUTCOMES, type Outcome } from "../../src/oracle/expectation.ts";
import { Generator, type Shares, type Traffic } from "../../src/traffic/generator.ts";
import { VIOLATIONS } from "../../src/traffic/invalid.ts";
import { ODDITIES } from "../../src/traffic/odd.ts";
import { KINDS, type Kind, type Produced } from "../../src/traffic/record.ts";
import { CORRUPTIONS } from "../../src/traffic/undecodable.ts";
import { TEN } from "../event-samples.ts";

const RULES = { windowMs: 300_000, allowedLatenessMs: 600_000, allowedSkewMs: 300_000 };
const decode = createDecoder(readContract(), new Map([[7, readContract()]]));
const NONE: Shares = { refunds: 0, duplicates: 0, late: 0, tooLate: 0, future: 0, undecodable: 0, invalid: 0 };
const MIXED: Shares = {
  refunds: 0.1,
  duplicates: 0.05,
  late: 0.05,
  tooLate: 0.03,
  future: 0.03,
  undecodable: 0.05,
  invalid: 0.1,
};

function draw(count: number, shares: Shares, changes: Partial<Traffic> = {}, stepMs = 1): Produced[] {
  const { allowedLatenessMs, allowedSkewMs } = RULES;
  const traffic = { seed: 1, accounts: 50, shares, allowedLatenessMs, allowedSkewMs, ...changes };
  const generator = new Generator(traffic, createEncoder(7));
  return Array.from({ length: count }, (_, i) => generator.next(TEN + i * stepMs));
}

/** What becomes of records that are appended in the moment they were made for. */
function outcomesOf(records: Produced[], stepMs = 1): Record<Outcome, number> {
  const raw: RawRecord[] = records.map(({ value }, i) => {
    return { partition: 0, offset: BigInt(i), timestampMs: BigInt(TEN + i * stepMs), value };
  });
  const { outcomes } = expectationOf(raw, decode, RULES);
  return Object.fromEntries(OUTCOMES.map((name) => [name, outcomes[name].records])) as Record<Outcome, number>;
}

describe("the sequence", () => {
  test("is the same for the same seed, to the byte", () => {
    const written = () =>
      draw(2_000, MIXED).map(({ kind, key, value }) => [kind, key, value?.toString("hex")].join(" "));
    expect(written()).toEqual(written());
  });

  test("is another one for another seed", () => {
    const ids = (seed: number) => draw(10, NONE, { seed }).map(({ value }) => value?.toString("hex"));
    expect(ids(1)).not.toEqual(ids(2));
  });

  test("is keyed by account, of which there are as many as asked for", () => {
    const keys = new Set(draw(2_000, NONE, { accounts: 5 }).map(({ key }) => key));
    expect([...keys].sort()).toEqual(["acc-000001", "acc-000002", "acc-000003", "acc-000004", "acc-000005"]);
  });
});

describe("shares", () => {
  test("are kept within what chance allows", () => {
    const records = draw(20_000, MIXED);
    const share = (kind: Kind) => records.filter((record) => record.kind === kind).length / records.length;
    const wanted: [Kind, number][] = [
      ["duplicate", 0.05],
      ["late", 0.05],
      ["too late", 0.03],
      ["future", 0.03],
      ["undecodable", 0.05],
      ["invalid", 0.1],
      ["odd", 0.1],
      ["refund", 0.59 * 0.1],
      ["plain", 0.59 * 0.9],
    ];
    for (const [kind, expected] of wanted) expect(share(kind), kind).toBeCloseTo(expected, 2);
  });

  test("of nothing give plain events only, each of them accepted", () => {
    const records = draw(3_000, NONE);
    expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(["plain"]));
    expect(outcomesOf(records)).toMatchObject({ accepted: 3_000 });
  });
});

describe("every kind becomes what it was made to be", () => {
  const CASES: [Kind, Shares, Outcome][] = [
    ["refund", { ...NONE, refunds: 1 }, "accepted"],
    ["late", { ...NONE, late: 1 }, "accepted"],
    ["too late", { ...NONE, tooLate: 1 }, "late"],
    ["future", { ...NONE, future: 1 }, "future"],
    ["undecodable", { ...NONE, undecodable: 1 }, "undecodable"],
    ["invalid", { ...NONE, invalid: 1 }, "invalid"],
    ["odd", { ...NONE, refunds: 0.3, invalid: 0.5 }, "accepted"],
  ];
  test.each(CASES)("%s", (kind, shares, outcome) => {
    const records = draw(3_000, shares).filter((record) => record.kind === kind);
    expect(records.length).toBeGreaterThan(1_000);
    expect(outcomesOf(records, 0)[outcome]).toBe(records.length);
  });

  test("a copy has key and bytes of an earlier event and is a duplicate", () => {
    const records = draw(3_000, { ...NONE, duplicates: 0.5 });
    const seen = new Set<string>();
    const isSeenBefore = records.map(({ key, value }) => {
      const content = `${key} ${value?.toString("hex")}`;
      const isCopy = seen.has(content);
      seen.add(content);
      return isCopy;
    });
    expect(isSeenBefore).toEqual(records.map(({ kind }) => kind === "duplicate"));
    const copies = isSeenBefore.filter(Boolean).length;
    expect(outcomesOf(records)).toMatchObject({ accepted: 3_000 - copies, duplicate: copies });
  });

  test("a copy follows within half an hour, however slow the traffic", () => {
    const hour = 3_600_000;
    const records = draw(200, { ...NONE, duplicates: 0.5 }, {}, hour);
    expect(records.every(({ kind }) => kind === "plain")).toBe(true);
  });

  test("all kinds and all ways to be odd, invalid or undecodable occur", () => {
    const records = draw(20_000, MIXED);
    expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(KINDS));
    const variants = (kind: Kind) => new Set(records.filter((r) => r.kind === kind).map(({ variant }) => variant));
    expect(variants("undecodable")).toEqual(new Set(Object.keys(CORRUPTIONS)));
    expect(variants("invalid")).toEqual(new Set(Object.keys(VIOLATIONS)));
    expect(variants("odd")).toEqual(new Set([...Object.keys(ODDITIES), "trailing"]));
  });
});

test("late events reach back as far as the allowed lateness, also when that is short", () => {
  const records = draw(500, { ...NONE, late: 1 }, { allowedLatenessMs: 2_000 }, 0);
  const ages = records.map(({ value }) => {
    const decoded = decode(value);
    return "event" in decoded ? TEN - Date.parse(decoded.event.event_time) : Number.NaN;
  });
  expect(Math.min(...ages)).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...ages)).toBeLessThanOrEqual(2_000);
});
