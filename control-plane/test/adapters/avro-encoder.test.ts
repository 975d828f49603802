import avro from "avsc";
import { describe, expect, it } from "vitest";
import { createAvroEncoder, LOGICAL_TYPES } from "../../src/adapters/avro-encoder.ts";

const SCHEMA = JSON.stringify({
  type: "record",
  name: "Figures",
  fields: [
    { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 38, scale: 2 } },
    { name: "at", type: { type: "long", logicalType: "timestamp-micros" } },
    { name: "day", type: { type: "long", logicalType: "timestamp-millis" } },
  ],
});
const AT = { at: "2026-11-21T00:25:00.500001Z", day: "2026-11-21T00:00:00Z" };
const type = avro.Type.forSchema(JSON.parse(SCHEMA), { logicalTypes: LOGICAL_TYPES });
const bare = avro.Type.forSchema(JSON.parse(SCHEMA));

describe("the Avro encoder", () => {
  const encoder = createAvroEncoder(SCHEMA, async () => 70_000);

  it("frames a record with its schema's id, as Confluent's clients expect it", async () => {
    const bytes = Buffer.from(await encoder.encode({ amount: "1.00", ...AT }));
    expect([bytes[0], bytes.readInt32BE(1)]).toEqual([0, 70_000]);
    expect(type.fromBuffer(bytes.subarray(5))).toEqual(type.clone({ amount: "1.00", ...AT }));
  });

  it.each([
    ["0.00", "00"],
    ["0.01", "01"],
    ["-0.01", "ff"],
    ["1.27", "7f"],
    ["1.28", "0080"],
    ["-1.28", "80"],
    ["-1.29", "ff7f"],
    ["90071992547409931234.56", "01e84800000000112480"],
    ["-999999999999999999999999999999999999.99", "b4c4b357a5793b85f675ddc000000001"],
  ])("writes %s as the fewest bytes of two's complement and reads them back", async (amount, hex) => {
    const bytes = Buffer.from(await encoder.encode({ amount, ...AT })).subarray(5);
    const raw = bare.fromBuffer(bytes) as { amount: Buffer; at: number; day: number };
    expect(raw.amount.toString("hex")).toBe(hex);
    expect(raw.at).toBe(1_795_220_700_500_001);
    expect(raw.day).toBe(1_795_219_200_000);
    expect(type.fromBuffer(bytes)).toMatchObject({ amount, at: AT.at, day: AT.day });
  });

  it.each(["1.001", "1e3", "", "NaN"])("refuses %j instead of rounding it", async (amount) => {
    await expect(encoder.encode({ amount, ...AT })).rejects.toThrow("no decimal of scale 2");
  });

  it("asks the registry until it answers, and then no more", async () => {
    let asked = 0;
    const patient = createAvroEncoder(SCHEMA, async () => {
      asked += 1;
      if (asked === 1) throw new Error("the registry is away");
      return 5;
    });
    await expect(patient.encode({ amount: "1.00", ...AT })).rejects.toThrow("the registry is away");
    await patient.encode({ amount: "1.00", ...AT });
    await patient.encode({ amount: "2.00", ...AT });
    expect(asked).toBe(2);
  });
});
