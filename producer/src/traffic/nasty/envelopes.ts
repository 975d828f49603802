import type { Random } from "../../random.ts";
import { CORRUPTIONS } from "../undecodable.ts";
import { type Card, changing, valued } from "./card.ts";
import type { Draft, Table } from "./table.ts";

/** As large as a broker takes by default, key and headers included. */
const LARGE_BYTES = 1_000_000;
const PREFIX_BYTES = 5;

/** Cards about how a record is written: key, headers, size, schema. */
export const ENVELOPE_CARDS: readonly Card[] = [
  ...Object.entries(CORRUPTIONS).map(([variant, spoil]) =>
    valued("undecodable", variant, ({ event }, { writers, random }) => spoil(writers.contract(event), random)),
  ),
  ...[-1, -(2 ** 31), 0].map((id) =>
    valued(
      "undecodable",
      `schema id ${id}`,
      withId(() => id),
    ),
  ),
  valued(
    "undecodable",
    "schema of something else",
    withId(({ writers }) => writers.foreignId),
  ),
  valued(
    "undecodable",
    "schema that is no Avro",
    withId(({ writers }) => writers.notAvroId),
  ),
  valued("undecodable", "nothing behind the schema id", ({ event }, { writers }) =>
    writers.contract(event).subarray(0, PREFIX_BYTES),
  ),
  valued("undecodable", "JSON", ({ event }) => Buffer.from(JSON.stringify(event))),
  valued("undecodable", "1 MB of noise", (_, { random }) => noise(random), { rare: true }),
  ...[null, Buffer.alloc(0)].map((value) => without(value)),
  valued("odd", "bytes behind the event", ({ event }, { writers }) =>
    Buffer.concat([writers.contract(event), Buffer.from("left over")]),
  ),
  valued("odd", "1 MB of text", large, { rare: true }),
  valued("odd", "earlier schema", ({ event }, { writers }) => writers.earlier(event)),
  valued("odd", "later schema", ({ event }, { writers }) => writers.later({ ...event, campaign: "spring" })),
  valued("odd", "later schema, without its field", ({ event }, { writers }) =>
    writers.later({ ...event, campaign: null }),
  ),
  keyed("no key", null),
  keyed("empty key", ""),
  keyed("key that is no text", Buffer.from([0xff, 0xfe, 0x00, 0x80])),
  changing("odd", "headers", (draft) => {
    draft.headers = { text: "a", twice: ["1", "2"], empty: "", "": "no name", binary: Buffer.from([0, 0xff]) };
  }),
];

function keyed(variant: string, key: Draft["key"]): Card {
  return changing("odd", variant, (draft) => {
    draft.key = key;
  });
}

function withId(idOf: (table: Table) => number): (draft: Draft, table: Table) => Buffer {
  return ({ event }, table) => {
    const value = Buffer.from(table.writers.contract(event));
    value.writeInt32BE(idOf(table), 1);
    return value;
  };
}

/** A value that is nothing, in a record that has no key, either. */
function without(value: Buffer | null): Card {
  return {
    kind: "undecodable",
    variant: `${value === null ? "null" : "empty"}, without a key`,
    deal: (table) => [{ sheet: table.sheet({ ...table.draft(), key: null }, value) }],
  };
}

function noise(random: Random): Buffer {
  const bytes = Buffer.alloc(LARGE_BYTES, Buffer.from(random.uuid(), "ascii"));
  bytes[0] = 1;
  return bytes;
}

function large({ event }: Draft, { writers }: Table): Buffer {
  event.trace_id = "";
  // The length of the long text takes three bytes, that of the empty one a single byte.
  const rest = writers.contract(event).length + 2;
  event.trace_id = "x".repeat(LARGE_BYTES - rest);
  return writers.contract(event);
}
