import { type TSchema, Type } from "typebox";

/** Headers of answers that clients read. */
const HEADERS = {
  ETag: Type.String({ description: "Revision of the spec, for `If-Match` of a change", examples: ['"3"'] }),
  Location: Type.String({
    description: "The operation that came of the request",
    examples: ["/v1/operations/ef5c1028-f27c-4ccf-8de1-a2db0870274c"],
  }),
};

/** Says in the document that answers of this schema carry these headers. */
export function withHeaders<S extends TSchema>(schema: S, ...names: (keyof typeof HEADERS)[]): S {
  return { ...schema, headers: Object.fromEntries(names.map((name) => [name, HEADERS[name]])) };
}
