import type { FastifyInstance } from "fastify";
import { invalidRequest } from "../domain/problem.ts";

/** NUL as JSON writes it. */
const NUL = "\\u0000";

/**
 * `curl -X POST` sends no body and no content type, `curl -X POST -d ''` an empty one with a form's: both mean "no body".
 * Anything that is there has to be JSON.
 */
export function registerBodies(app: FastifyInstance): void {
  // Postgres keeps no NUL in a text: from a user it is a mistake, in what a runner reports it may be a user's data.
  app.addHook("onRequest", async (request) => {
    if (request.url.includes("%00")) {
      throw invalidRequest([{ field: "url", value: request.url, expected: "no NUL character (%00)" }]);
    }
  });
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = request.url.startsWith("/runner/") ? withoutNul(body as string) : (body as string);
    if (text === "") done(null, undefined);
    else if (text.includes(NUL)) done(invalidRequest([{ field: "body", expected: "no NUL character" }]));
    else parseJson(request, text, done);
  });
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") done(null, undefined);
    else done(Object.assign(new Error("not JSON"), { code: "FST_ERR_CTP_INVALID_MEDIA_TYPE", statusCode: 415 }));
  });
  app.addHook("preValidation", async (request) => {
    if (request.body === undefined && request.routeOptions.schema?.body !== undefined) request.body = {};
  });
}

/** Puts the character for "something was here that is no character" in its place. */
function withoutNul(json: string): string {
  return json.includes(NUL) ? json.replaceAll(NUL, "\\ufffd") : json;
}
