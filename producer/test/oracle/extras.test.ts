import avro from "avsc";
import { describe, expect, test } from "vitest";
import { readContract } from "../../src/contract.ts";
import { createEncoder } from "../../src/event-encoder.ts";
import type { RawRecord } from "../../src/oracle/decode.ts";
import { expectExtras } from "../../src/oracle/extras.ts";
import { sampleEvent } from "../event-samples.ts";

const contract = JSON.parse(readContract()) as { fields: { name: string }[] };
const widened = (...added: object[]) => JSON.stringify({ ...contract, fields: [...contract.fields, ...added] });
const campaign = { name: "campaign", type: ["null", "string"], default: null };
const score = { name: "score", type: "double", default: 0 };

function record(id: number, offset: number, schema: string, more: object): RawRecord {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  const body = avro.Type.forSchema(JSON.parse(schema)).toBuffer({ ...sampleEvent(), ...more });
  return { partition: 1, offset: BigInt(offset), timestampMs: 0n, value: Buffer.concat([prefix, body]) };
}

const expected = (schema: string, records: RawRecord[]) =>
  Object.fromEntries(
    expectExtras(
      records,
      readContract(),
      new Map([
        [7, readContract()],
        [8, schema],
      ]),
    ),
  );

describe("what silver must keep beside the contract's fields", () => {
  test("is every further field of the writer that is not null, in its order", () => {
    const schema = widened(campaign, score);
    const records = [
      record(8, 4, schema, { campaign: "spring", score: 0.5 }),
      record(8, 5, schema, { campaign: null, score: 1 }),
    ];
    expect(expected(schema, records)).toEqual({ "1/4": '{"campaign":"spring","score":0.5}', "1/5": '{"score":1}' });
  });

  test("is nothing where all are null, where the writer has none, and where there is no value", () => {
    const schema = widened(campaign);
    const value = createEncoder(7)(sampleEvent());
    expect(
      expected(schema, [
        record(8, 4, schema, { campaign: null }),
        { partition: 0, offset: 1n, timestampMs: 0n, value },
        { partition: 0, offset: 2n, timestampMs: 0n, value: null },
      ]),
    ).toEqual({});
  });

  test("is not guessed where the type is one that the oracle does not know", () => {
    const tags = { name: "tags", type: { type: "array", items: "string" } };
    const schema = widened(tags);
    expect(() => expected(schema, [record(8, 4, schema, { tags: ["a"] })])).toThrow(
      "does not know how tags is written",
    );
  });
});
