interface Schema {
  default?: unknown;
  required?: string[];
}

/** Where schemas are in a document, at any depth. */
type Node = { [key: string]: unknown };

interface Operation {
  parameters?: { required?: boolean; schema?: Schema }[];
  requestBody?: { required?: boolean; content?: Record<string, { schema?: Schema }> };
}

/**
 * Says of every parameter with a default, and of every body without a required field, that it may be left out: routes
 * see them filled in, so that their own schemas require them.
 */
export function markOptionalParts<T extends { paths?: unknown }>(document: T): T {
  const operations = Object.values((document.paths ?? {}) as Record<string, Record<string, Operation>>);
  for (const operation of operations.flatMap((methods) => Object.values(methods))) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.schema?.default !== undefined) delete parameter.required;
    }
    const { requestBody } = operation;
    const schemas = Object.values(requestBody?.content ?? {}).map(({ schema }) => schema);
    if (requestBody !== undefined && schemas.every((schema) => (schema?.required ?? []).length === 0)) {
      requestBody.required = false;
    }
  }
  return document;
}

/** Gives enumerations of texts their type: JSON Schema does not ask for it, generators of clients do. */
export function typeEnums<T>(document: T): T {
  const visit = (node: unknown, key = ""): void => {
    // Examples are values, whatever they look like.
    if (typeof node !== "object" || node === null || key === "examples") return;
    const schema = node as Node;
    if (Array.isArray(schema.enum) && schema.type === undefined && schema.enum.every((it) => typeof it === "string")) {
      schema.type = "string";
    }
    for (const [name, inner] of Object.entries(schema)) visit(inner, name);
  };
  visit(document);
  return document;
}
