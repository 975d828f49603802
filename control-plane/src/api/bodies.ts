import type { FastifyInstance } from "fastify";
import { invalidRequest } from "../domain/problem.ts";

/** NUL as JSON writes it. */
const NUL = "\\u0000";
/** Escapes of JSON; half of a pair of surrogates, which is no character, is a group of its own. */
const ESCAPES = /\\[^u]|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(\\ud[89a-f][0-9a-f]{2})/gi;
const HALF_PAIR_IN_URL = /%ED%[AB][0-9A-F]%/i;
const HALF_PAIR = "whole characters (a half of a surrogate pair, \\ud800 to \\udfff, stands alone)";

/**
 * `curl -X POST` sends no body and no content type, `curl -X POST -d ''` an empty one with a form's: both mean "no body".
 * Anything that is there has to be JSON.
 */
export function registerBodies(app: FastifyInstance): void {
  // Postgres keeps neither NUL nor half a pair of surrogates in a text: from a user it is a mistake, in what a runner reports it may be a user's data.
  app.addHook("onRequest", async (request) => {
    if (request.url.includes("%00")) {
      throw invalidRequest([{ field: "url", value: request.url, expected: "no NUL character (%00)" }]);
    }
    if (HALF_PAIR_IN_URL.test(request.url)) {
      throw invalidRequest([{ field: "url", value: request.url, expected: HALF_PAIR }]);
    }
  });
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = request.url.startsWith("/runner/") ? withCharactersOnly(body as string) : (body as string);
    if (text === "") done(null, undefined);
    else if (text.includes(NUL)) done(invalidRequest([{ field: "body", expected: "no NUL character" }]));
    else if (hasHalfPair(text)) done(invalidRequest([{ field: "body", expected: HALF_PAIR }]));
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
function withCharactersOnly(json: string): string {
  const withoutNul = json.includes(NUL) ? json.replaceAll(NUL, "\\ufffd") : json;
  return withoutNul.replace(ESCAPES, (whole, half) => (half === undefined ? whole : "\\ufffd"));
}

function hasHalfPair(json: string): boolean {
  return [...json.matchAll(ESCAPES)].some((match) => match[1] !== undefined);
}
