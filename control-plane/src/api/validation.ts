import { Ajv, type ErrorObject, type Options } from "ajv";
import formats from "ajv-formats";
import type { FastifyInstance } from "fastify";
import { DURATION_FORM, DURATION_PATTERN } from "../domain/duration.ts";
import type { FieldError } from "../domain/problem.ts";

// `verbose` keeps the value that was refused, for the message. Nothing is removed or filled in without a word.
const OPTIONS: Options = { allErrors: true, verbose: true, removeAdditional: false, useDefaults: true, strict: false };

/**
 * Texts of a URL or a header become the declared types; a body already has types, and keeps them.
 * A query parameter that a route does not declare is a mistake of the caller, on every route.
 */
export function registerValidation(app: FastifyInstance): void {
  const body = withFormats(new Ajv(OPTIONS));
  const url = withFormats(new Ajv({ ...OPTIONS, coerceTypes: "array" }));
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === "body" ? body : url).compile(schema as Record<string, unknown>),
  );
  app.addHook("onRoute", (route) => {
    if (!isDocumented(route.url) || route.schema?.querystring !== undefined) return;
    route.schema = { ...route.schema, querystring: { type: "object", properties: {}, additionalProperties: false } };
  });
}

const BESIDE_V1 = ["/healthz", "/readyz", "/metrics"];

/** Whether a route belongs to the public API. */
export function isDocumented(url: string): boolean {
  return url.startsWith("/v1") || BESIDE_V1.includes(url);
}

function withFormats(ajv: Ajv): Ajv {
  formats.default(ajv);
  return ajv;
}

/** Says what was wrong in the words of the request. @param context `querystring`, `params`, `headers` or `body` */
export function fieldErrors(errors: ErrorObject[], context: string): FieldError[] {
  // The branches of an alternative each complain, and the alternative itself says it all.
  const alternatives = errors.filter((error) => error.keyword === "anyOf").map((error) => error.schemaPath);
  return errors
    .filter(
      (error) => !alternatives.some((path) => error.schemaPath !== path && error.schemaPath.startsWith(`${path}/`)),
    )
    .map((error) => toFieldError(error, context));
}

function toFieldError(error: ErrorObject, context: string): FieldError {
  const path = error.instancePath.split("/").slice(1);
  if (error.keyword === "additionalProperties") {
    const name = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
    const what = context === "querystring" ? "query parameter" : "field";
    const expected = known.length > 0 ? `no such ${what}; known here: ${known.join(", ")}` : `no ${what} at all`;
    return { field: fieldName(context, [...path, name]), value: fieldOf(error.data, name), expected };
  }
  if (error.keyword === "required") {
    return { field: fieldName(context, [...path, String(error.params.missingProperty)]), expected: "a value" };
  }
  return { field: fieldName(context, path), value: error.data, expected: expectation(error) };
}

function expectation(error: ErrorObject): string {
  if (error.keyword === "enum") return `one of ${(error.params.allowedValues as unknown[]).join(", ")}`;
  if (error.keyword === "pattern" && error.params.pattern === DURATION_PATTERN) return DURATION_FORM;
  if (error.keyword === "anyOf" && Array.isArray(error.schema)) {
    const constants = (error.schema as { const?: unknown }[]).map((branch) => branch.const);
    if (constants.every((constant) => constant !== undefined)) return `one of ${constants.join(", ")}`;
  }
  return (error.message ?? "another value").replace(/^must (be )?/, "");
}

function fieldName(context: string, path: string[]): string {
  return [...(context === "body" ? ["body"] : []), ...path].join(".") || context;
}

function fieldOf(data: unknown, name: string): unknown {
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>)[name] : undefined;
}
