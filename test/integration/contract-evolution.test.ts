import avro from "avsc";
import { beforeAll, describe, expect, it } from "vitest";
import { readContract } from "../../producer/src/contract.ts";
import { registerContract } from "../../producer/src/registration.ts";
import { lakeRows } from "../stack/lake-rows.ts";
import { allConsumed, allRunning, produce, send, sharedStack, topic } from "./shared-stack.ts";

const SILVER = "silver.sales_events";
const stack = sharedStack();
const contract = JSON.parse(readContract()) as { fields: { name: string; type: unknown; default?: unknown }[] };
const promo = { name: "promo", type: ["null", "string", { type: "array", items: "int" }], default: null };
const widened = { ...contract, fields: [...contract.fields, promo] };

/** What silver holds of the events whose id begins so. */
const silver = (prefix: string) => lakeRows(stack, SILVER, `WHERE event_id LIKE '${prefix}%' ORDER BY event_id`);

function framed(id: number, body: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return Buffer.concat([prefix, body]);
}

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 73, events: 200 });
  await allConsumed(stack);
});

describe("a writer whose schema has a field that the contract lacks", () => {
  it("needs no hand: its events are accepted, and the field arrives", async () => {
    const id = await registerContract(stack.registryUrl, `${topic}-value`, JSON.stringify(widened));
    const now = new Date().toISOString();
    const event = {
      ...{ event_time: now, ingest_time: now, account_id: "a-1", event_type: "renewal", plan_tier: "pro" },
      ...{ region: "EU", currency: "EUR", amount: 1.5, schema_version: 2, user_id: null, source: null, trace_id: null },
    };
    const type = avro.Type.forSchema(widened as avro.Schema);
    const promos = ["spring", [1, 2], null];
    await send(
      stack,
      promos.map((promo, n) => framed(id, type.toBuffer({ ...event, event_id: `evolution-${n}`, promo }))),
    );
    await allConsumed(stack);
    expect((await silver("evolution-")).map((row) => [row.outcome, row.extra])).toEqual([
      ["accepted", '{"promo":{"member_string":"spring"}}'],
      ["accepted", '{"promo":{"member_array":[1,2]}}'],
      ["accepted", null],
    ]);
  });
});

describe("a contract that the registry refuses", () => {
  const refusal = async (schema: unknown): Promise<string> => {
    const subject = `refused-${JSON.stringify(schema).length}-value`;
    await registerContract(stack.registryUrl, subject);
    return await registerContract(stack.registryUrl, subject, JSON.stringify(schema)).then(
      () => expect.unreachable(),
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };

  it("tells the producer which field breaks which rule, and what to do", async () => {
    const strict = { ...contract, fields: [...contract.fields, { name: "coupon", type: "string" }] };
    const said = await refusal(strict);
    expect(said).toContain("Its rule is BACKWARD_TRANSITIVE: the new schema must read what every older version wrote");
    expect(said).toContain(
      '- field "coupon" is new and has no default, so records of version 1 cannot be read; give it one, such as "type": ["null", "string"], "default": null.',
    );
    expect(said).toContain("POST /v1/schemas/{subject}/check tries a schema without registering it.");
  });

  it("names a changed type", async () => {
    const fields = contract.fields.map((field) => (field.name === "amount" ? { ...field, type: "string" } : field));
    expect(await refusal({ ...contract, fields })).toContain(
      'field "amount" is "string" now and was "double" in version 1',
    );
  });
});
