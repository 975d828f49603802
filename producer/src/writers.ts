import { SchemaType } from "@kafkajs/confluent-schema-registry";
import { readContract } from "./contract.ts";
import { createEncoder } from "./event-encoder.ts";
import { registerContract } from "./registration.ts";
import type { Registry } from "./registry.ts";
import type { Writers } from "./traffic/nasty/table.ts";

const LEFT_OUT = "trace_id";
const ADDED = { name: "campaign", type: ["null", "string"], default: null, doc: "What made the customer come." };
const FOREIGN = { type: "record", name: "Foreign", namespace: "penstock.test", fields: [{ name: "n", type: "int" }] };
const NOT_AVRO = { $schema: "http://json-schema.org/draft-07/schema#", type: "object" };

/** The schemas' ids in the registry. */
interface SchemaIds {
  contract: number;
  earlier: number;
  later: number;
  foreign: number;
  notAvro: number;
}

/**
 * Registers what nasty traffic is written with: the contract, an earlier and a later version of it, and schemas of
 * which no event can be read, under subjects of their own.
 * @throws as {@link registerContract} does
 */
export async function registerWriters(registry: Registry, topic: string): Promise<Writers> {
  const subject = `${topic}-value`;
  const { earlier, later } = versions();
  // One after the other: each is checked against those before it.
  const ids = {
    contract: await registerContract(registry, subject),
    earlier: await registerContract(registry, subject, earlier),
    later: await registerContract(registry, subject, later),
    foreign: await registerContract(registry, `${topic}-foreign`, JSON.stringify(FOREIGN)),
    notAvro: await registerContract(registry, `${topic}-not-avro`, JSON.stringify(NOT_AVRO), SchemaType.JSON),
  };
  return writersOf(ids).writers;
}

/** The encoders, and the Avro schemas by id. */
export function writersOf(ids: SchemaIds): { writers: Writers; schemas: Map<number, string> } {
  const { earlier, later } = versions();
  return {
    writers: {
      contract: createEncoder(ids.contract),
      earlier: createEncoder(ids.earlier, earlier),
      later: createEncoder(ids.later, later),
      foreignId: ids.foreign,
      notAvroId: ids.notAvro,
    },
    schemas: new Map([
      [ids.contract, readContract()],
      [ids.earlier, earlier],
      [ids.later, later],
      [ids.foreign, JSON.stringify(FOREIGN)],
    ]),
  };
}

/** The contract without an optional field, and with another one more, as JSON text. */
function versions(): { earlier: string; later: string } {
  const contract = JSON.parse(readContract()) as { fields: { name: string }[] };
  const { fields } = contract;
  return {
    earlier: JSON.stringify({ ...contract, fields: fields.filter(({ name }) => name !== LEFT_OUT) }),
    later: JSON.stringify({ ...contract, fields: [...fields, ADDED] }),
  };
}
