import { describe, expect, it } from "vitest";
import { readContract } from "../src/contract.ts";
import { misfits } from "../src/misfits.ts";

interface Field {
  name: string;
  type: unknown;
  default?: unknown;
  aliases?: string[];
}

const CONTRACT = JSON.parse(readContract()) as { fields: Field[] };
const schema = (change: (fields: Field[]) => Field[]) =>
  JSON.stringify({ ...CONTRACT, fields: change(structuredClone(CONTRACT.fields)) });
const changed = (name: string, change: Partial<Field>) =>
  schema((fields) => fields.map((field) => (field.name === name ? { ...field, ...change } : field)));
const older = [{ version: 1, schema: readContract() }];

describe("what older schemas wrote", () => {
  it.each([
    [
      "an added optional field",
      schema((fields) => [...fields, { name: "coupon", type: ["null", "string"], default: null }]),
    ],
    ["an added field with a default", schema((fields) => [...fields, { name: "coupon", type: "string", default: "" }])],
    ["a removed field", schema((fields) => fields.filter(({ name }) => name !== "trace_id"))],
    ["a promoted type", changed("schema_version", { type: "long" })],
    ["a field renamed with an alias", changed("account_id", { name: "customer_id", aliases: ["account_id"] })],
    ["a field that became optional", changed("amount", { type: ["double", "null"] })],
  ])("can be read after %s", (_, text) => {
    expect(misfits(text, older)).toEqual([]);
  });

  it("cannot be read when a new field has no default: which one, and what to do", () => {
    const text = schema((fields) => [...fields, { name: "coupon", type: "string" }]);
    expect(misfits(text, older)).toEqual([
      'field "coupon" is new and has no default, so records of version 1 cannot be read; give it one, such as "type": ["null", "string"], "default": null',
    ]);
  });

  it("cannot be read when a type changed: from what to what", () => {
    expect(misfits(changed("amount", { type: "string" }), older)).toEqual([
      'field "amount" is "string" now and was "double" in version 1, which cannot be read as that; keep its type, or add a field of another name with a default',
    ]);
  });

  it("names each field once, with all the versions that have it otherwise", () => {
    const text = schema((fields) => [
      ...fields.map((field) => (field.name === "amount" ? { ...field, type: "int" } : field)),
      { name: "coupon", type: "string" },
    ]);
    const found = misfits(text, [...older, { version: 2, schema: readContract() }]);
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('field "amount" is "int" now and was "double" in the versions 1, 2');
    expect(found[1]).toContain('field "coupon" is new');
  });

  it("says nothing of what is no record", () => {
    expect(misfits('"string"', older)).toEqual([]);
    expect(misfits(readContract(), [{ version: 1, schema: "not JSON" }])).toEqual([]);
  });
});
