import avro from "avsc";
import { describe, expect, test } from "vitest";
import { readContract } from "../../src/contract.ts";
import { createEncoder } from "../../src/event-encoder.ts";
import { createDecoder, schemaIdOf } from "../../src/oracle/decode.ts";
import { sampleEvent } from "../event-samples.ts";

const contract = readContract();
const encode = createEncoder(7);
const decode = createDecoder(contract, new Map([[7, contract]]));
const value = encode(sampleEvent());

/** The contract with other fields. */
function variant(change: (fields: { name: string; type: unknown; default?: unknown }[]) => unknown[]): string {
  const schema = JSON.parse(contract);
  return JSON.stringify({ ...schema, fields: change(schema.fields) });
}

function written(schema: string, event: object, id = 8): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return Buffer.concat([prefix, avro.Type.forSchema(JSON.parse(schema)).toBuffer(event)]);
}

describe("a record that can be decoded", () => {
  test("comes out as it was written", () => {
    expect(decode(value)).toEqual({ event: sampleEvent() });
  });

  test("may have bytes left over", () => {
    expect(decode(Buffer.concat([value, Buffer.from([1, 2, 3])]))).toEqual({ event: sampleEvent() });
  });

  test("keeps amounts that are no numbers", () => {
    expect(decode(encode(sampleEvent({ amount: Number.NaN })))).toEqual({ event: sampleEvent({ amount: Number.NaN }) });
  });
});

describe("a record of another version of the schema", () => {
  test("with a field more is read without it", () => {
    const newer = variant((fields) => [{ name: "campaign", type: "string" }, ...fields]);
    const decodeNewer = createDecoder(contract, new Map([[8, newer]]));
    expect(decodeNewer(written(newer, { campaign: "spring", ...sampleEvent() }))).toEqual({ event: sampleEvent() });
  });

  test("without an optional field gets its default", () => {
    const older = variant((fields) => fields.filter(({ name }) => name !== "trace_id"));
    const decodeOlder = createDecoder(contract, new Map([[8, older]]));
    expect(decodeOlder(written(older, sampleEvent()))).toEqual({ event: sampleEvent() });
  });

  test("that writes whole amounts is promoted", () => {
    const whole = variant((fields) => fields.map((f) => (f.name === "amount" ? { ...f, type: "int" } : f)));
    const decodeWhole = createDecoder(contract, new Map([[8, whole]]));
    expect(decodeWhole(written(whole, sampleEvent({ amount: 20 })))).toEqual({ event: sampleEvent({ amount: 20 }) });
  });

  test("that the contract cannot read is bad Avro", () => {
    const other = variant((fields) => fields.filter(({ name }) => name !== "amount"));
    expect(createDecoder(contract, new Map([[8, other]]))(written(other, sampleEvent()))).toEqual({
      undecodable: "BAD_AVRO",
    });
    expect(createDecoder(contract, new Map([[8, '"PROTOBUF"']]))(written(contract, sampleEvent()))).toEqual({
      undecodable: "BAD_AVRO",
    });
  });
});

describe("a record that cannot be decoded", () => {
  test("without a value", () => {
    expect(decode(null)).toEqual({ undecodable: "NULL_VALUE" });
  });

  test.each([
    ["empty", Buffer.alloc(0)],
    ["four zero bytes", Buffer.alloc(4)],
    ["another first byte", Buffer.concat([Buffer.from([1]), value.subarray(1)])],
    ["JSON", Buffer.from('{"event_id":"e-1"}')],
  ])("%s has no magic byte with an id", (_, bytes) => {
    expect(decode(bytes)).toEqual({ undecodable: "BAD_MAGIC" });
  });

  test.each([0, 8, -1, 2 ** 31 - 1])("of schema %d, which the registry does not know", (id) => {
    const bytes = Buffer.from(value);
    bytes.writeInt32BE(id, 1);
    expect(decode(bytes)).toEqual({ undecodable: "UNKNOWN_SCHEMA_ID" });
  });

  test("an unknown id is found before bad Avro", () => {
    expect(decode(Buffer.from([0, 0, 0, 0, 9]))).toEqual({ undecodable: "UNKNOWN_SCHEMA_ID" });
  });

  test("cut off at any byte", () => {
    for (let length = 5; length < value.length; length += 1) {
      expect(decode(value.subarray(0, length)), `first ${length} bytes`).toEqual({ undecodable: "BAD_AVRO" });
    }
  });

  test.each([
    ["a negative length", Buffer.from([0, 0, 0, 0, 7, 1, 65, 65])],
    ["a length of two thousand million", Buffer.from([0, 0, 0, 0, 7, 0xd8, 0xff, 0xff, 0xff, 0x0f])],
    ["a branch that the union does not have", Buffer.concat([value.subarray(0, -1), Buffer.from([4])])],
  ])("%s", (_, bytes) => {
    expect(decode(bytes)).toEqual({ undecodable: "BAD_AVRO" });
  });
});

test("schemaIdOf reads the id of Confluent's wire format only", () => {
  expect(schemaIdOf(value)).toBe(7);
  expect(schemaIdOf(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))).toBe(-1);
  expect(schemaIdOf(Buffer.from([1, 0, 0, 0, 7]))).toBeUndefined();
  expect(schemaIdOf(Buffer.from([0, 0, 0, 7]))).toBeUndefined();
  expect(schemaIdOf(null)).toBeUndefined();
});
