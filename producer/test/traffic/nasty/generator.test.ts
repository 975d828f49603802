import { describe, expect, test } from "vitest";
import { readContract } from "../../../src/contract.ts";
import { createEncoder } from "../../../src/event-encoder.ts";
import { createDecoder, type RawRecord } from "../../../src/oracle/decode.ts";
import { type Expectation, expectationOf, OUTCOMES, type Outcome } from "../../../src/oracle/expectation.ts";
import { CARDS, LEAST_RECORDS, NastyGenerator } from "../../../src/traffic/nasty/generator.ts";
import { LAG_MS, type NastyTraffic } from "../../../src/traffic/nasty/table.ts";
import type { Kind, Produced } from "../../../src/traffic/record.ts";
import { writersOf } from "../../../src/writers.ts";
import { TEN } from "../../event-samples.ts";

const RULES = { windowMs: 300_000, allowedLatenessMs: 600_000, allowedSkewMs: 300_000 };
const { writers, schemas } = writersOf({ contract: 7, earlier: 8, later: 9, foreign: 10, notAvro: 11 });
const decode = createDecoder(readContract(), new Map([...schemas, [11, '"JSON"']]));
const TRAFFIC: NastyTraffic = { seed: 1, accounts: 50, partitions: 3, keepsTimestamps: true, ...RULES };
const STEP_MS = 36;

function draw(count: number, changes: Partial<NastyTraffic> = {}): Produced[] {
  const generator = new NastyGenerator({ ...TRAFFIC, ...changes }, writers);
  return Array.from({ length: count }, (_, i) => generator.next(TEN + i * STEP_MS));
}

function written(records: Produced[]): RawRecord[] {
  return records.map(({ value, partition, timestampMs }, i) => ({
    partition: partition ?? 0,
    offset: BigInt(i),
    timestampMs: BigInt(timestampMs ?? TEN + i * STEP_MS),
    value,
  }));
}

function expectation(records: Produced[]): Expectation {
  return expectationOf(written(records), decode, RULES);
}

const BECOMES: Record<Kind, Outcome> = {
  plain: "accepted",
  refund: "accepted",
  odd: "accepted",
  late: "accepted",
  "too late": "late",
  future: "future",
  duplicate: "duplicate",
  undecodable: "undecodable",
  invalid: "invalid",
};

describe("a small run", () => {
  test.each([1, 2, 3, 4, 5])("with seed %i has everything nasty at least once", (seed) => {
    const made = new Set(draw(LEAST_RECORDS, { seed }).map(({ kind, variant }) => `${kind}: ${variant}`));
    expect(CARDS.filter(({ kind, variant }) => !made.has(`${kind}: ${variant}`))).toEqual([]);
  });

  test("has one id a hundred times", () => {
    const records = draw(LEAST_RECORDS);
    const copies = records.filter(({ variant }) => variant === "a hundred times");
    const [original] = records.filter(({ variant }) => variant === "of which a hundred come");
    expect(copies).toHaveLength(99);
    expect(copies.every(({ value }) => original?.value?.equals(value as Buffer))).toBe(true);
  });
});

describe("the sequence", () => {
  test("is the same for the same seed, to the byte", () => {
    const text = (records: Produced[]) => JSON.stringify(records);
    expect(text(draw(3_000))).toBe(text(draw(3_000)));
    expect(text(draw(100))).not.toBe(text(draw(100, { seed: 2 })));
  });

  test("puts each account into one partition, and lets the last lag hours behind the others", () => {
    const plain = draw(3_000).filter(({ kind }) => kind === "plain");
    const partitions = Map.groupBy(plain, ({ key }) => key);
    for (const records of partitions.values()) expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
    const newest = (wanted: number) =>
      Math.max(...plain.filter(({ partition }) => partition === wanted).map(({ timestampMs }) => timestampMs ?? 0));
    expect(newest(0) - newest(2)).toBeGreaterThan(LAG_MS - 60_000);
    expect(Math.abs(newest(0) - newest(1))).toBeLessThan(60_000);
  });

  test("leaves the timestamps to a topic that has its own", () => {
    expect(draw(2_000, { keepsTimestamps: false }).some(({ timestampMs }) => timestampMs !== undefined)).toBe(false);
  });
});

test("every kind becomes what it was made to be", () => {
  const records = draw(20_000);
  const { outcomes } = expectation(records);
  const made = Map.groupBy(records, ({ kind }) => BECOMES[kind]);
  for (const outcome of OUTCOMES) expect(outcomes[outcome].records, outcome).toBe(made.get(outcome)?.length);
});

test("single cards become what they are named for, with windows of seconds, too", () => {
  const changes = { windowMs: 10_000, allowedLatenessMs: 5_000, allowedSkewMs: 5_000 };
  const records = draw(6_000, changes);
  const { outcomes } = expectationOf(written(records), decode, changes);
  const made = Map.groupBy(records, ({ kind }) => BECOMES[kind]);
  for (const outcome of OUTCOMES) expect(outcomes[outcome].records, outcome).toBe(made.get(outcome)?.length);
});

test("every reason occurs, and amounts add up to more than decimal(18,2) can hold", () => {
  const { outcomes, windows } = expectation(draw(20_000));
  expect(Object.keys(outcomes.undecodable.reasons).sort()).toEqual([
    "BAD_AVRO",
    "BAD_MAGIC",
    "NULL_VALUE",
    "UNKNOWN_SCHEMA_ID",
  ]);
  expect(Object.keys(outcomes.invalid.reasons).sort()).toEqual([
    "BAD_AMOUNT",
    "BAD_TIMESTAMP",
    "INVALID_DOMAIN",
    "NULL_REQUIRED",
  ]);
  expect(windows.some(({ revenue }) => revenue.length > "9999999999999999.99".length)).toBe(true);
});

test("events of the earlier and of the later schema are read as the contract's", () => {
  const records = draw(LEAST_RECORDS);
  for (const variant of ["earlier schema", "later schema", "later schema, without its field"]) {
    const { value = null } = records.find((record) => record.variant === variant) ?? {};
    expect(decode(value), variant).toMatchObject({ event: { schema_version: 1 } });
  }
});

test("a value of 1 MB is written whole, also when the encoder's buffer is smaller", () => {
  const large = draw(LEAST_RECORDS).filter(({ value }) => value?.length === 1_000_000);
  expect(new Set(large.map(({ variant }) => variant))).toEqual(new Set(["1 MB of text", "1 MB of noise"]));
  const encode = createEncoder(7);
  const [text] = large.filter(({ variant }) => variant === "1 MB of text");
  const decoded = decode(text?.value ?? null);
  expect("event" in decoded && encode(decoded.event).equals(text?.value as Buffer)).toBe(true);
});
