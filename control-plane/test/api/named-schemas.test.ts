import { describe, expect, it } from "vitest";
import { nameSchemas } from "../../src/api/named-schemas.ts";

const answer = (schema: object) => ({ get: { responses: { 200: { content: { "application/json": { schema } } } } } });

describe("a schema with a title", () => {
  it("is moved to the components, once, and referred to", () => {
    const job = { title: "Job", type: "object", examples: [{ title: "not a schema" }] };
    const list = { type: "array", items: job };
    const paths = { "/jobs/{job}": answer(job), "/jobs": answer(list) };
    expect(nameSchemas({ paths, components: { securitySchemes: {} } })).toEqual({
      paths: {
        "/jobs/{job}": answer({ $ref: "#/components/schemas/Job" }),
        "/jobs": answer({ type: "array", items: { $ref: "#/components/schemas/Job" } }),
      },
      components: {
        securitySchemes: {},
        schemas: { Job: { type: "object", examples: [{ title: "not a schema" }] } },
      },
    });
  });

  it("is not taken for another one of the same title", () => {
    const paths = { "/a": answer({ title: "Job", type: "object" }), "/b": answer({ title: "Job", type: "string" }) };
    expect(() => nameSchemas({ paths })).toThrow("Two schemas have the title Job");
  });
});
