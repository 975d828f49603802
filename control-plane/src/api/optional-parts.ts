interface Schema {
  default?: unknown;
  required?: string[];
}

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
