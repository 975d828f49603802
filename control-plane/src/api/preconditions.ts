import { Type } from "typebox";
import { invalidRequest, Problem } from "../domain/problem.ts";
import type { ExpectedRevision } from "../services/specs/revisions.ts";

/** Headers of a request that replaces something. */
export const preconditionHeaders = Type.Object({
  "if-match": Type.Optional(
    Type.String({
      description: "The ETag of what the change is meant for; `*` for whatever is there",
      examples: ['"3"'],
    }),
  ),
});

/** A revision as an ETag. */
export function etag(revision: number): string {
  return `"${revision}"`;
}

/**
 * Which revision a request is meant for.
 * @throws Problem `precondition_required`; `invalid_request` for what is no ETag of ours
 */
export function expectedRevision(header: unknown, url: string): ExpectedRevision {
  if (typeof header !== "string" || header.trim() === "") {
    throw new Problem({
      status: 428,
      code: "precondition_required",
      title: "The request does not say which revision it is meant for",
      detail: "A spec is replaced as a whole: without If-Match, the change of somebody else could be lost.",
      next: `GET ${url} and send its ETag: -H 'If-Match: "<revision>"'.`,
    });
  }
  if (header.trim() === "*") return "any";
  const revision = /^(?:W\/)?"?([1-9][0-9]{0,8})"?$/.exec(header.trim())?.[1];
  if (revision !== undefined) return Number(revision);
  throw invalidRequest([{ field: "if-match", value: header, expected: `the ETag of GET ${url}, such as "3"` }]);
}
