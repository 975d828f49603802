import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/adapters/postgres/database.ts";
import { createGenerationStore } from "../../src/adapters/postgres/generations.ts";
import { createReplayStore } from "../../src/adapters/postgres/replays.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { newReplay } from "../fixtures/replaying.ts";

let running: TestControlPlane;
let database: Database;
const id = randomUUID();
const SPECS = {
  "sales.silver": { limits: { maxFilesPerTrigger: 16 }, restart: { within: "1h" } },
  "sales.gold": { application: "dedicated", trigger: "5s", options: {}, drainTimeout: "1m" },
};

beforeAll(async () => {
  running = await startControlPlane();
  database = openDatabase(running.databaseUrl, () => undefined);
  const wish = newReplay("sales", { id, generation: 2, parent: 1, request: { specs: SPECS } });
  const audit = { actor: "ana", action: "replay.create", target: wish.job, requestId: null, before: null, after: null };
  await createReplayStore(database).insert(wish, audit);
  await createGenerationStore(database).create({
    ...{
      pipeline: "sales",
      number: 2,
      parent: 1,
      replay: id,
      rules: { windowMs: 300_000 },
      specs: {},
      start: null,
      inherits: null,
    },
    jobs: wish.plan.jobs.map(({ job }) => job),
  });
}, 60_000);

afterAll(async () => {
  await database?.close();
  await running?.stop();
});

async function call(method: "GET" | "POST" | "PUT" | "DELETE", url: string, body?: object) {
  const answer = await running.controlPlane.app.inject({
    method,
    url,
    headers: { host: HOST, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

describe("POST /v1/replays", () => {
  it.each([
    ["no job", {}, "body.job"],
    ["an unknown field", { job: "sales.silver", form: {} }, "body.form"],
    ["an unknown place to begin", { job: "sales.silver", from: { start: true } }, "body.from.start"],
    [
      "a gate that is below nothing",
      { job: "sales.silver", gates: { maxWindowsChanged: -1 } },
      "body.gates.maxWindowsChanged",
    ],
    ["a bound that is no duration", { job: "sales.silver", liveLagBound: "soon" }, "body.liveLagBound"],
    ["limits outside of a spec", { job: "sales.silver", limits: {} }, "body.limits"],
    [
      "a trigger that is no duration",
      { job: "sales.silver", specs: { "sales.silver": { trigger: "soon" } } },
      "body.specs.sales.silver.trigger",
    ],
    [
      "a limit that is no number",
      { job: "sales.silver", specs: { "sales.silver": { limits: { maxFilesPerTrigger: "16" } } } },
      "body.specs.sales.silver.limits.maxFilesPerTrigger",
    ],
    [
      "what no replay changes",
      { job: "sales.silver", specs: { "sales.silver": { writes: ["silver.other"] } } },
      "body.specs.sales.silver.writes",
    ],
    [
      "a spec of a job that it does not make anew",
      { job: "sales.gold", specs: { "sales.silver": { trigger: "5s" } } },
      "body.specs",
    ],
    [
      "an application that there is not",
      { job: "sales.gold", specs: { "sales.gold": { application: "sale" } } },
      "body.specs.sales.gold.application",
    ],
    ["a hash that is none", { job: "sales.silver", planHash: "x" }, "body.planHash"],
    [
      "a moment in the future",
      { job: "sales.bronze", from: { timestamp: "9000-01-01T00:00:00Z" } },
      "body.from.timestamp",
    ],
  ])("refuses %s and names the field", async (_, body, field) => {
    const { status, body: problem } = await call("POST", "/v1/replays?dryRun=true", body);
    expect({
      status,
      code: problem.code,
      fields: problem.errors.map((error: { field: string }) => error.field),
    }).toEqual({
      status: 400,
      code: "invalid_request",
      fields: [field],
    });
  });

  it("refuses an unknown job, and says what is possible where a job cannot be replayed so", async () => {
    const unknown = await call("POST", "/v1/replays?dryRun=true", { job: "sales.platinum" });
    expect(unknown.body).toMatchObject({
      status: 404,
      code: "unknown_job",
      next: expect.stringContaining("sales.silver"),
    });
    const middle = await call("POST", "/v1/replays?dryRun=true", { job: "sales.gold", from: { version: "3" } });
    expect(middle.body).toMatchObject({ status: 422, code: "replay_unsupported" });
  });

  it("names the replay that has not ended", async () => {
    const { body } = await call("POST", "/v1/replays", { job: "sales.gold" });
    expect(body).toMatchObject({ status: 409, code: "replay_running", detail: expect.stringContaining(id) });
    expect((await call("POST", "/v1/jobs/sales.gold/replay")).body.code).toBe("replay_running");
  });

  it("says that Kafka is away where a plan needs to know of it", async () => {
    const { body } = await call("POST", "/v1/replays?dryRun=true", { job: "sales.silver" });
    expect(body).toMatchObject({ status: 503, code: "dependency_unavailable" });
  });
});

describe("GET /v1/replays", () => {
  it("lists replays by job and state", async () => {
    const ids = async (query: string) =>
      (await call("GET", `/v1/replays${query}`)).body.items.map((item: { id: string }) => item.id);
    expect(await ids("")).toEqual([id]);
    expect(await ids("?job=sales.silver&state=planned")).toEqual([id]);
    expect(await ids("?job=sales.gold")).toEqual([]);
    expect((await call("GET", "/v1/replays?state=done")).body.errors[0].field).toBe("state");
  });

  it("tells one of them, with its plan and how far it is", async () => {
    const { status, body } = await call("GET", `/v1/replays/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      job: "sales.silver",
      state: "planned",
      generation: 2,
      parent: 1,
      request: { from: { beginning: true }, specs: SPECS, liveLagBound: "30s", keep: "1h" },
      plan: { hash: "h", rules: { planned: { window: "5m" } } },
      progress: { percent: 100, jobs: [{ job: "sales.silver@2" }, { job: "sales.gold@2" }, { job: "sales.dq@2" }] },
      live: { lagSeconds: null, held: null },
    });
    expect(body.plan.jobs[0]).toEqual({ job: "sales.silver", rows: "100", specRevision: 1 });
  });

  it("knows no others", async () => {
    const { body } = await call("GET", `/v1/replays/${randomUUID()}`);
    expect(body).toMatchObject({ status: 404, code: "unknown_replay" });
    expect((await call("GET", "/v1/replays/first")).status).toBe(400);
  });
});

describe("POST /v1/replays/{id}/…", () => {
  it("refuses what does not fit the state, and says what does", async () => {
    const { body } = await call("POST", `/v1/replays/${id}/promote`);
    expect(body).toMatchObject({ status: 409, code: "conflict", next: "What can be asked of it now: cancel." });
    expect((await call("POST", `/v1/replays/${id}/promote`, { overrideGates: { reason: " " } })).status).toBe(400);
    expect((await call("POST", `/v1/replays/${id}/pause`, { now: true })).status).toBe(400);
    expect((await call("POST", `/v1/replays/${randomUUID()}/pause`)).body.code).toBe("unknown_replay");
  });

  it("is audited and told in the journal", async () => {
    const { status, body } = await call("POST", `/v1/replays/${id}/cancel`);
    expect({ status, state: body.state }).toEqual({ status: 202, state: "cancelling" });
    const { items } = (await call("GET", "/v1/audit/log?action=replay.cancel")).body;
    expect(items).toMatchObject([
      {
        actor: "local",
        target: "sales.silver",
        before: { replay: id, state: "planned" },
        after: { state: "cancelling" },
      },
    ]);
    const events = (await call("GET", `/v1/events/history?subject=${id}`)).body.items;
    expect(events.map(({ type, data }: { type: string; data: { to?: string } }) => [type, data.to])).toEqual([
      ["replay.state", "cancelling"],
      ["replay.created", undefined],
    ]);
  });
});

describe("PUT /v1/jobs/{job}/offsets", () => {
  it("is for jobs that are stopped, and needs one place", async () => {
    const { body } = await call("PUT", "/v1/jobs/sales.bronze/offsets", { beginning: true });
    expect(body).toMatchObject({
      status: 409,
      code: "conflict",
      next: expect.stringContaining("/v1/jobs/sales.bronze/stop"),
    });
    const two = await call("PUT", "/v1/jobs/sales.bronze/offsets?dryRun=true", { beginning: true, version: "1" });
    expect(two.body.errors[0].field).toBe("body.from");
  });
});

describe("generations", () => {
  it("are listed newest first, with what each is", async () => {
    const { items } = (await call("GET", "/v1/generations")).body;
    expect(items.map((item: { generation: number; state: string }) => [item.generation, item.state])).toEqual([
      [2, "shadow"],
      [1, "live"],
    ]);
    expect((await call("GET", "/v1/generations/2")).body).toMatchObject({
      replay: id,
      parent: 1,
      shadows: ["sales.dq@2", "sales.gold@2", "sales.silver@2"],
      rules: { window: "5m" },
    });
  });

  it("are not deleted while they are live or a replay works on them", async () => {
    expect((await call("DELETE", "/v1/generations/1")).body).toMatchObject({
      status: 409,
      title: "The generation is live",
    });
    expect((await call("DELETE", "/v1/generations/2")).body.detail).toContain(id);
    expect((await call("DELETE", "/v1/generations/7")).body).toMatchObject({ status: 404, code: "unknown_generation" });
  });

  it("are given up before their time when they are kept", async () => {
    await createGenerationStore(database).retire("sales", 2, new Date("2030-01-01T00:00:00Z"));
    const { status, body } = await call("DELETE", "/v1/generations/2");
    expect({ status, state: body.state }).toEqual({ status: 202, state: "discarded" });
    const { items } = (await call("GET", "/v1/audit/log?action=generation.delete")).body;
    expect(items).toMatchObject([{ target: "generation:2", before: { state: "kept" }, after: { state: "discarded" } }]);
    expect((await call("DELETE", "/v1/generations/2")).body.state).toBe("discarded");
  });
});
