import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../../test/stack/wait-for.ts";
import type { Assignment } from "../../src/domain/sync.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { SALES_TABLES, unpackLake } from "../fixtures/lake.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

const TOPIC = "sales.events.v1";
/** In the fixture lake record n lies at partition n % 3 and offset FIRST + n / 3: 0 to 4 are accepted, then come a duplicate, a late one, two undecodable and two invalid ones. */
const FIRST = 9_007_199_254_740_993n;
const at = (n: number) => ({ topic: TOPIC, partition: n % 3, offset: String(FIRST + BigInt(Math.floor(n / 3))) });
const [ACCEPTED, LATE, UNDECODABLE, INVALID, OTHER_INVALID] = [0, 6, 7, 9, 10] as const;

let running: TestControlPlane;
let runner: ScriptedRunner;

beforeAll(async () => {
  running = await startControlPlane();
  const lake = unpackLake();
  const silver = "silver.sales_events";
  const target = join(running.stateDir, "lake", "gen=1");
  mkdirSync(target, { recursive: true });
  cpSync(lake.path(SALES_TABLES[silver]), join(target, silver), { recursive: true });
  lake.remove();
  running.controlPlane.reconciler.start();
  const launch = await waitFor<string>(async () => running.master.submitted[0] ?? { pending: "a launch" }, {
    timeout: 30_000,
    what: "the application to be submitted",
  });
  runner = new ScriptedRunner(running, "sales", launch);
}, 60_000);

afterAll(() => running?.stop());

async function call(method: "GET" | "POST", url: string, body?: object) {
  const answer = await running.controlPlane.app.inject({
    method,
    url,
    headers: { host: HOST, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

const letIn = (n: number, more: object = {}) =>
  call("POST", "/v1/overrides", { ...at(n), reason: "Ticket 1", ...more });

/** What the runner is told of silver's overrides, once it is told of so many, and whether any was applied. */
const assigned = (count: number, applied: boolean) =>
  waitFor<Assignment>(
    async () => {
      await runner.sync();
      const silver = runner.assignments.find(({ job }) => job === "sales.silver");
      const isTold = silver?.spec.overrides.length === count && silver.spec.overridesApplied === applied;
      return silver !== undefined && isTold ? silver : { pending: silver?.spec.overrides };
    },
    { timeout: 30_000, what: `silver to be told of ${count} overrides` },
  );

describe("POST /v1/overrides", { timeout: 60_000 }, () => {
  it.each([
    ["another topic", { topic: "sales.events.v2" }, "body.topic", "the pipeline's topic sales.events.v1"],
    ["an unknown field", { set: { regoin: "EU" } }, "body.set.regoin", ""],
    ["a text that is a number", { set: { amount: 49 } }, "body.set.amount", ""],
    ["an amount with three digits", { set: { amount: "1.005" } }, "body.set.amount", ""],
    ["a number that is a text", { set: { schema_version: "one" } }, "body.set.schema_version", ""],
    ["an empty reason", { reason: " " }, "body.reason", ""],
    ["an offset that is no number", { offset: "last" }, "body.offset", ""],
  ])("refuses %s and names the field", async (_, change, field, expected) => {
    const { status, body } = await letIn(LATE, change);
    expect({ status, code: body.code, fields: body.errors.map((error: { field: string }) => error.field) }).toEqual({
      status: 400,
      code: "invalid_request",
      fields: [field],
    });
    expect(body.detail).toContain(expected);
  });

  it("knows records that silver has, and no others", async () => {
    const { status, body } = await letIn(300);
    expect({ status, code: body.code }).toEqual({ status: 404, code: "unknown_record" });
    expect(body.detail).toContain(`Silver has no row of ${TOPIC}/0/${at(300).offset}`);
  });

  it("lets in only what was refused", async () => {
    const { status, body } = await letIn(ACCEPTED);
    expect({ status, code: body.code }).toEqual({ status: 409, code: "conflict" });
    expect(body.detail).toBe(`The record ${TOPIC}/0/${FIRST} was accepted: there is nothing to let in.`);
  });

  it("names the accepted record of which it would be a copy", async () => {
    const { status, body } = await letIn(LATE, { set: { event_id: " e1 " } });
    expect(status).toBe(409);
    expect(body.detail).toContain(`The event e1 was accepted from ${TOPIC}/1/${FIRST}`);
  });

  it("is a numbered decision, audited, and told to the job that writes silver", async () => {
    const made = await letIn(LATE, { set: { region: "EU", amount: "-0.50", source: "" } });
    expect(made.status).toBe(201);
    const { number } = made.body;
    expect(made.headers.location).toBe(`/v1/overrides/${number}`);
    expect(made.body).toEqual({
      number: expect.any(Number),
      ...at(LATE),
      reason: "Ticket 1",
      set: { region: "EU", amount: "-0.50", source: "" },
      outcome: "late",
      createdBy: "local",
      createdAt: expect.stringMatching(/Z$/),
      state: "pending",
      settledAt: null,
      reasons: [],
      eventId: null,
      duplicateOf: null,
      version: null,
      batch: null,
    });
    expect((await call("GET", `/v1/overrides/${number}`)).body).toEqual(made.body);
    const { items } = (await call("GET", "/v1/audit/log?action=override.create")).body;
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      target: `${TOPIC}/0/${at(LATE).offset}`,
      before: { outcome: "late", eventId: "e6" },
      after: { number, reason: "Ticket 1" },
    });
    const again = await letIn(LATE);
    expect(again.status).toBe(409);
    expect(again.body.detail).toBe(`Override ${number} of this record is pending.`);

    const silver = await assigned(1, false);
    expect(silver.spec.overrides).toEqual([
      { number, ...at(LATE), set: { region: "EU", amount: "-0.50", source: "" } },
    ]);
    const others = runner.assignments.filter(({ job }) => job !== "sales.silver");
    expect(others.map(({ spec }) => spec.overrides)).toEqual(others.map(() => []));
  });
});

describe("what a job reports of an override", { timeout: 60_000 }, () => {
  let sequence = 0;
  const report = async (data: object, type = "override") => {
    sequence += 1;
    const { job, generation, epoch } = await assignedSilver();
    await runner.sync([{ sequence, type, job, generation, epoch, at: "2026-11-21T00:01:02.003Z", data }]);
  };
  const assignedSilver = async () => {
    const silver = runner.assignments.find(({ job }) => job === "sales.silver");
    return silver ?? expect.unreachable();
  };

  it("settles it once", async () => {
    const { number } = (await call("GET", "/v1/overrides?state=pending")).body.items[0];
    const applied = { number, state: "applied", reasons: [], eventId: "e6", version: 5, batch: 4 };
    await report(applied);
    await report({ ...applied, state: "refused", reasons: ["DUPLICATE"] });
    expect((await call("GET", `/v1/overrides/${number}`)).body).toMatchObject({
      state: "applied",
      settledAt: "2026-11-21T00:01:02.003Z",
      eventId: "e6",
      version: 5,
      batch: 4,
    });
    const { items } = (await call("GET", `/v1/events/history?subject=override:${number}`)).body;
    expect(items.map((item: { type: string }) => item.type)).toEqual(["override.applied", "override.created"]);
    expect((await letIn(LATE)).body.detail).toBe(`Override ${number} of this record is applied.`);
  });

  it("that was applied is told again only to a table that has not read the record yet", async () => {
    // Nobody has told how far silver is: a table that begins anew needs it.
    await assigned(1, true);
    const through = { [TOPIC]: { "0": String(FIRST + 3n) } };
    await report(
      { kind: "batch", table: "silver.sales_events", version: 6, batch: 5, through, rowsIn: 1, rows: {} },
      "batch",
    );
    await assigned(0, true);
  });

  it("that was refused says why, and the record may be tried again", async () => {
    const { number } = (await letIn(INVALID)).body;
    await assigned(1, true);
    await report({ number, state: "refused", reasons: ["BAD_AMOUNT", "NULL_REQUIRED"] });
    expect((await call("GET", `/v1/overrides/${number}`)).body).toMatchObject({
      state: "refused",
      reasons: ["BAD_AMOUNT", "NULL_REQUIRED"],
    });
    await assigned(0, true);
    expect((await letIn(INVALID, { set: { amount: "1.00" } })).status).toBe(201);
  });
});

describe("GET /v1/overrides", () => {
  it("lists them by state, newest first and page by page", async () => {
    await letIn(OTHER_INVALID);
    await letIn(UNDECODABLE);
    const states = async (query: string) =>
      (await call("GET", `/v1/overrides${query}`)).body.items.map((item: { state: string }) => item.state);
    expect(await states("")).toEqual(["pending", "pending", "pending", "refused", "applied"]);
    expect(await states("?state=refused")).toEqual(["refused"]);
    const first = (await call("GET", "/v1/overrides?limit=3")).body;
    expect(await states(`?limit=3&cursor=${first.nextCursor}`)).toEqual(["refused", "applied"]);
    expect((await call("GET", "/v1/overrides?state=done")).body.errors[0].field).toBe("state");
  });

  it("knows no others", async () => {
    expect((await call("GET", "/v1/overrides/999")).body).toMatchObject({ status: 404, code: "unknown_override" });
    expect((await call("GET", "/v1/overrides/first")).status).toBe(400);
  });
});
