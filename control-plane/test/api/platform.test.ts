import { afterAll, beforeAll, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(() => running?.stop());

async function call(url: string, body?: unknown) {
  const response = await running.controlPlane.app.inject({
    url: `/v1${url}`,
    headers: { host: HOST, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: response.json() };
}

it.each([
  ["/topics", "Kafka"],
  ["/topics/sales.events.v1", "Kafka"],
  ["/schemas", "schema registry"],
  ["/schemas/sales.events.v1-value", "schema registry"],
])("GET %s says what is away", async (url, what) => {
  const { status, body } = await call(url);
  expect({ status, code: body.code }).toEqual({ status: 503, code: "dependency_unavailable" });
  expect(body.detail).toContain(what);
});

it.each([
  ["/topics/nope", "unknown_topic", /sales\.events\.v1, sales\.events\.dlq\.v1/],
  ["/schemas/nope-value", "unknown_subject", /sales\.events\.v1-value/],
])("GET %s names what there is", async (url, code, next) => {
  const { status, body } = await call(url);
  expect({ status, code: body.code }).toEqual({ status: 404, code });
  expect(body.next).toMatch(next);
});

it.each([
  [{ schema: { type: "recor" } }, /an Avro schema; this is none: unknown type: "recor"/],
  [{ schema: '{"type":"rec' }, /this is none/],
  [{ schema: 7 }, /body\.schema: expected object,array,string/],
  [{}, /body\.schema: expected a value/],
  [{ schema: "string", more: 1 }, /body\.more/],
])("a schema that is none is refused with the reason: %j", async (body, detail) => {
  const answer = await call("/schemas/sales.events.v1-value/check", body);
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ code: "invalid_request", detail: expect.stringMatching(detail) });
});

it("tells the cluster's master, workers and who uses them", async () => {
  const { status, body } = await call("/cluster");
  expect(status).toBe(200);
  expect(body).toEqual({
    master: { url: "spark://elsewhere:7077", status: "ALIVE", version: "4.1.3" },
    totals: { workers: 0, cores: 0, coresFree: 0, memoryMb: 0, memoryFreeMb: 0 },
    workers: [],
    applications: [],
    drivers: [],
  });
});
