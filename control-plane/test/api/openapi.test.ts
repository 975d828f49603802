import { createConfig, lintFromString } from "@redocly/openapi-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type OpenApiDocument, type Operation, readOpenApi, type Schema } from "../fixtures/open-api.ts";

const CAMEL_CASE = /^[a-z][a-zA-Z0-9]*$/;
const COLUMN = /^[a-z][a-z0-9_]*$/;
/** Their items are rows of tables, whose columns keep their names, as fields and as filters. */
const TAGS_WITH_COLUMNS = ["revenue", "data quality", "overrides", "replays"];

let text: string;
let document: OpenApiDocument;

beforeAll(async () => {
  text = await readOpenApi();
  document = JSON.parse(text);
});

interface Call extends Operation {
  /** such as `GET /v1/jobs` */
  name: string;
}

function calls(): Call[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, name: `${method.toUpperCase()} ${path}` })),
  );
}

/** What each call lacks, as sentences; nothing when all is well. */
function complaints(find: (call: Call) => string[]): string[] {
  return calls().flatMap((call) => find(call).map((complaint) => `${call.name}: ${complaint}`));
}

function resolve(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.replace("#/components/schemas/", "");
  return document.components.schemas[name] ?? expect.fail(`${schema.$ref} leads nowhere`);
}

interface Field {
  path: string;
  schema: Schema;
}

/** A schema and all that is in it, but not what an example of the whole already shows. */
function fieldsWithoutExample(schema: Schema, path: string): Field[] {
  const { examples, properties = {}, items, anyOf = [], additionalProperties } = resolve(schema);
  if (examples !== undefined) return [];
  const inner = [
    ...Object.entries(properties).map(([name, property]) => ({ path: `${path}.${name}`, schema: property })),
    ...(items === undefined ? [] : [{ path: `${path}[]`, schema: items }]),
    ...anyOf.map((alternative) => ({ path, schema: alternative })),
    ...(typeof additionalProperties === "object" ? [{ path: `${path}.*`, schema: additionalProperties }] : []),
  ];
  return inner.length === 0
    ? [{ path, schema: resolve(schema) }]
    : inner.flatMap((field) => fieldsWithoutExample(field.schema, field.path));
}

/** Values that need no example: there are few of them, and the schema names them. */
function isSelfExplaining({ type, enum: values, const: value }: Schema): boolean {
  return values !== undefined || value !== undefined || type === "boolean" || type === "null";
}

function properties(schema: Schema, path = ""): Field[] {
  const { properties: own = {}, items, anyOf = [], additionalProperties } = resolve(schema);
  return [
    ...Object.entries(own).flatMap(([name, property]) => [
      { path: `${path}${name}`, schema: property },
      ...properties(property, `${path}${name}.`),
    ]),
    ...[items, ...anyOf, typeof additionalProperties === "object" ? additionalProperties : undefined].flatMap(
      (inner) => (inner === undefined ? [] : properties(inner, path)),
    ),
  ];
}

function jsonAnswers(call: Call): Field[] {
  return Object.entries(call.responses).flatMap(([status, { content }]) => {
    const schema = content?.["application/json"]?.schema;
    return schema === undefined ? [] : [{ path: status, schema }];
  });
}

describe("the OpenAPI document", () => {
  it("passes a linter's recommended rules, warnings included", async () => {
    const config = await createConfig({ extends: ["recommended-strict"] });
    const problems = await lintFromString({ source: text, absoluteRef: "openapi.json", config });
    expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual(
      [],
    );
  });

  it("names, sums up and groups every call", () => {
    const tags = document.tags.map(({ name }) => name);
    const found = complaints(({ operationId, summary, tags: own = [] }) => [
      ...(CAMEL_CASE.test(operationId ?? "") ? [] : [`operationId ${operationId} is not camelCase`]),
      ...(summary === undefined ? ["has no summary"] : []),
      ...(own.length === 1 && tags.includes(own[0] ?? "") ? [] : [`tags are ${own}; one of ${tags} is expected`]),
    ]);
    expect(found).toEqual([]);
    const ids = calls().map(({ operationId }) => operationId);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it("explains every parameter and every field of a body", () => {
    const found = complaints(({ parameters = [], requestBody }) => [
      ...parameters
        .filter(({ description, schema }) => description === undefined && schema.description === undefined)
        .map(({ name }) => `parameter ${name} has no description`),
      ...Object.values(requestBody?.content ?? {})
        .flatMap(({ schema }) => properties(schema))
        .filter(({ schema }) => resolve(schema).description === undefined && !isSelfExplaining(resolve(schema)))
        .map(({ path }) => `body.${path} has no description`),
    ]);
    expect(found).toEqual([]);
  });

  it("requires no parameter that has a default, and no body without required fields", () => {
    const found = complaints(({ parameters = [], requestBody }) => [
      ...parameters.filter(({ required, schema }) => required && schema.default !== undefined).map(({ name }) => name),
      ...Object.values(requestBody?.content ?? {})
        .filter(({ schema }) => (resolve(schema).required ?? []).length === 0 && requestBody?.required !== false)
        .map(() => "body"),
    ]);
    expect(found).toEqual([]);
    expect(document.paths["/v1/jobs/{job}"]?.put?.requestBody?.required).toBe(true);
  });

  it("shows an example of every answer: of the whole or of each value in it", () => {
    const found = complaints((call) =>
      jsonAnswers(call)
        .flatMap(({ path, schema }) => fieldsWithoutExample(schema, path))
        .filter(({ schema }) => !isSelfExplaining(schema))
        .map(({ path }) => `${path} has no example`),
    );
    expect(found).toEqual([]);
  });

  it("gives every enumeration and every parameter a type, as generators of clients ask for", () => {
    const found = complaints((call) => {
      const bodies = Object.values(call.requestBody?.content ?? {}).map(({ schema }) => ({ path: "body", schema }));
      return [
        ...[...jsonAnswers(call), ...bodies]
          .flatMap(({ path, schema }) => properties(schema, `${path} `))
          .filter(({ schema }) => resolve(schema).enum !== undefined && resolve(schema).type === undefined)
          .map(({ path }) => path),
        ...(call.parameters ?? []).filter(({ schema }) => schema.type === undefined).map(({ name }) => name),
      ];
    });
    expect(found).toEqual([]);
  });

  it("answers every error as a problem", () => {
    const isProblem = ({ content = {} }: Call["responses"][string]) =>
      Object.keys(content).join() === "application/problem+json" &&
      content["application/problem+json"]?.schema.$ref === "#/components/schemas/Problem";
    const found = complaints(({ name, responses }) => [
      ...["4xx", "5xx"].filter((status) => responses[status.toUpperCase()] === undefined).map((it) => `has no ${it}`),
      ...Object.entries(responses)
        .filter(([status, response]) => /^[45]/.test(status) && !isProblem(response))
        // What is missing is the very answer of this one.
        .filter(([status]) => name !== "GET /readyz" || status !== "503")
        .map(([status]) => `${status} is no problem`),
    ]);
    expect(found).toEqual([]);
  });

  it("names parameters and fields in camelCase, but for the columns of tables", () => {
    const found = complaints((call) => {
      const hasColumns = TAGS_WITH_COLUMNS.includes(call.tags?.[0] ?? "");
      const isWellNamed = (name: string) => CAMEL_CASE.test(name) || (hasColumns && COLUMN.test(name));
      const bodies = Object.values(call.requestBody?.content ?? {}).map(({ schema }) => ({ path: "body", schema }));
      const fields = [...jsonAnswers(call), ...bodies].flatMap(({ path, schema }) => properties(schema, `${path} `));
      return [
        ...(call.parameters ?? []).filter((it) => it.in !== "header").map(({ name }) => name),
        ...fields.map(({ path }) => path),
      ].filter((name) => !isWellNamed(name.split(/[ .]/).at(-1) ?? ""));
    });
    expect([...new Set(found)]).toEqual([]);
  });

  it("pages every list that takes a cursor in the same way", () => {
    const found = complaints((call) => {
      const parameters = (call.parameters ?? []).map(({ name }) => name);
      const answer = jsonAnswers(call).find(({ path }) => path === "200");
      const fields = Object.keys(answer === undefined ? {} : (resolve(answer.schema).properties ?? {}));
      const paging = [parameters.includes("cursor"), parameters.includes("limit"), fields.includes("nextCursor")];
      return [
        ...(new Set(paging).size === 1 ? [] : ["cursor, limit and nextCursor belong together"]),
        ...(paging[2] && !fields.includes("items") ? ["a page has items"] : []),
      ];
    });
    expect(found).toEqual([]);
  });

  it("declares the headers that a client needs: the ETag of what it changes, and where an operation is", () => {
    const headersOf = (name: string) => {
      const call = calls().find((candidate) => candidate.name === name);
      return Object.entries(call?.responses ?? {})
        .filter(([status]) => status.startsWith("2"))
        .map(([status, { headers = {} }]) => `${status} ${Object.keys(headers).join(" ")}`.trim());
    };
    expect(headersOf("GET /v1/jobs/{job}")).toEqual(["200 ETag"]);
    expect(headersOf("PUT /v1/jobs/{job}")).toEqual(["200 ETag", "202 ETag Location"]);
    expect(headersOf("GET /v1/applications/{app}")).toEqual(["200 ETag"]);
    expect(headersOf("PUT /v1/applications/{app}")).toEqual(["200 ETag", "202 ETag Location"]);
    for (const call of ["jobs/{job}/start", "jobs/{job}/stop", "jobs/{job}/restart", "applications/{app}/restart"]) {
      expect(headersOf(`POST /v1/${call}`)).toEqual(["200 Location", "202 Location"]);
    }
  });
});
