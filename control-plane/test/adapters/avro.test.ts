import { describe, expect, it } from "vitest";
import { avroSchemas } from "../../src/adapters/avro.ts";

const event = (...fields: object[]) => ({ type: "record", name: "Event", namespace: "n", fields });
const id = { name: "id", type: "string" };

describe("what is no Avro schema", () => {
  it.each([
    [{ type: "recor" }, 'unknown type: "recor"'],
    [{ type: "record", name: "X" }, "non-array record fields"],
    [event({ name: "a b", type: "string" }), "invalid field name: a b"],
    ["strin", "undefined type name: strin"],
    [[], "empty union"],
    [event({ name: "a", type: "int", default: "x" }), "incompatible field default"],
  ])("%j is told in words", (schema, words) => {
    expect(avroSchemas.refusal(schema)).toContain(words);
  });

  it("is none of these", () => {
    for (const schema of [event(id), "string", ["null", "string"]]) expect(avroSchemas.refusal(schema)).toBeNull();
  });
});

describe("what does not fit", () => {
  it("is told in words", () => {
    const text = event({ name: "amount", type: "string" });
    const number = event({ name: "amount", type: "double" });
    expect(avroSchemas.misfit(text, number)).toBe('cannot read "double" as "string"');
    expect(avroSchemas.misfit(event(id, { name: "coupon", type: "string" }), event(id))).toMatch(
      /no matching field .*coupon/,
    );
    expect(
      avroSchemas.misfit(event(id, { name: "coupon", type: ["null", "string"], default: null }), event(id)),
    ).toBeNull();
  });

  it("leaves the schemas as they are", () => {
    const schema = event(id);
    avroSchemas.misfit(schema, schema);
    expect(schema).toEqual(event(id));
  });
});
