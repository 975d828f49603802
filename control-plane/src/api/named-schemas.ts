type Json = Record<string, unknown>;

/**
 * Gives a client's types their names: every schema with a title goes to the document's components, and a reference
 * stands in its place.
 * @throws when two different schemas have the same title
 */
export function nameSchemas<T extends { paths?: unknown; components?: object }>(document: T): T {
  const schemas: Record<string, Json> = {};

  function move(node: unknown, key = ""): unknown {
    // Examples are values, whatever they look like.
    if (typeof node !== "object" || node === null || key === "examples") return node;
    if (Array.isArray(node)) return node.map((item) => move(item));
    const copy: Json = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, move(value, name)]));
    if (typeof copy.title !== "string") return copy;
    const { title, ...schema } = copy;
    const known = schemas[title];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`Two schemas have the title ${title}`);
    }
    schemas[title] = schema;
    return { $ref: `#/components/schemas/${title}` };
  }

  const paths = move(document.paths);
  return { ...document, paths, components: { ...document.components, schemas } };
}
