import avro from "avsc";
import { type RawRecord, schemaIdOf, type WriterSchemas } from "./decode.ts";

interface Field {
  name: string;
  aliases?: string[];
}

/**
 * What records have and the contract lacks, as silver keeps it in `extra` (docs/contracts.md §4): by `partition/offset`, as
 * the text of a JSON object without the fields that are null.
 *
 * Of the types that our traffic has: texts, numbers and truth values, or null.
 * @param records those that can be decoded
 * @throws when a field has another type
 */
export function expectExtras(
  records: Iterable<RawRecord>,
  contract: string,
  writers: WriterSchemas,
): Map<string, string> {
  const known = fieldsOf(contract).flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const readers = new Map<number, (value: Buffer) => string | null>();
  for (const [id, schema] of writers) {
    const added = fieldsOf(schema).flatMap(({ name }) => (known.includes(name) ? [] : name));
    if (added.length > 0) readers.set(id, readerOf(schema, added));
  }
  const extras = new Map<string, string>();
  for (const { partition, offset, value } of records) {
    const read = readers.get(schemaIdOf(value) ?? 0);
    const extra = value === null || read === undefined ? null : read(value);
    if (extra !== null) extras.set(`${partition}/${offset}`, extra);
  }
  return extras;
}

function readerOf(schema: string, names: readonly string[]): (value: Buffer) => string | null {
  const type = avro.Type.forSchema(JSON.parse(schema));
  return (value) => {
    const { value: event } = type.decode(value, 5) as { value?: Record<string, unknown> };
    const present = names.flatMap((name) => (event?.[name] == null ? [] : [[name, plain(name, event[name])] as const]));
    return present.length === 0 ? null : JSON.stringify(Object.fromEntries(present));
  };
}

function plain(name: string, value: unknown): unknown {
  if (["string", "number", "boolean"].includes(typeof value)) return value;
  throw new Error(`The oracle does not know how ${name} is written as JSON.`);
}

/** None where the schema is no Avro record. */
function fieldsOf(schema: string): Field[] {
  try {
    const { fields } = JSON.parse(schema) as { fields?: Field[] };
    return fields ?? [];
  } catch {
    return [];
  }
}
