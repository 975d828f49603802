import { loginHeaders } from "../../../control-plane/src/domain/registry-access.ts";
import type { Registry } from "../registry.ts";
import { type RawRecord, schemaIdOf, type WriterSchemas } from "./decode.ts";

/**
 * Asks the registry for each schema that the records were written with.
 * @throws when the registry does not answer, or with something else than a schema or "not found"
 */
export async function fetchWriterSchemas(
  registry: Registry,
  records: Iterable<Pick<RawRecord, "value">>,
): Promise<WriterSchemas> {
  const ids = new Set<number>();
  for (const { value } of records) {
    const id = schemaIdOf(value);
    if (id !== undefined) ids.add(id);
  }
  const schemas = new Map<number, string>();
  for (const id of ids) {
    // Ids are counted from 1; a registry answers anything from 400 to 500 to a negative one.
    const schema = id < 0 ? undefined : await fetchSchema(registry, id);
    if (schema !== undefined) schemas.set(id, schema);
  }
  return schemas;
}

async function fetchSchema(registry: Registry, id: number): Promise<string | undefined> {
  const url = `${registry.url}/schemas/ids/${id}`;
  const response = await fetch(url, {
    headers: loginHeaders(registry.login),
    signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    throw new Error(`The schema registry does not answer at ${url} (${describe(error)})`);
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`The schema registry answered ${response.status} to ${url}`);
  const { schema, schemaType = "AVRO" } = (await response.json()) as { schema: string; schemaType?: string };
  return schemaType === "AVRO" ? schema : `"${schemaType}"`; // known to the registry, but nothing Avro can resolve
}

function describe(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
