import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;
let other: pg.Client;

beforeAll(async () => {
  running = await startControlPlane();
  other = new pg.Client({ connectionString: running.databaseUrl });
  await other.connect();
}, 60_000);

afterAll(async () => {
  await other?.end();
  await running?.stop();
});

// Nothing decides here: jobs stay as a test puts them.
beforeEach(async () => {
  await other.query("UPDATE operations SET state = 'succeeded', ended_at = now() WHERE ended_at IS NULL");
  await other.query("DELETE FROM runs");
  await other.query("UPDATE jobs SET desired = 'running', state = 'RUNNING', epoch = 0");
});

async function ask(path: string, key: string | null = null, body: object = {}) {
  const headers = { host: HOST, ...(key === null ? {} : { "idempotency-key": key }) };
  return running.controlPlane.app.inject({ method: "POST", url: `/v1/${path}`, headers, payload: body });
}

const operations = async () => Number((await other.query("SELECT count(*) AS n FROM operations")).rows[0].n);

/** Waits until somebody waits for a lock that `other` holds. */
async function someoneWaits(): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  while ((await other.query(waiting)).rowCount === 0) await delay(10);
}

/** Asks while `other` holds the job's row, and lets it change something before it is let go. */
async function askWhile(path: string, change: string) {
  await other.query("BEGIN");
  await other.query("SELECT 1 FROM jobs WHERE id = 'sales.gold' FOR UPDATE");
  const answer = ask(path);
  await someoneWaits();
  await other.query(change);
  await other.query("COMMIT");
  return (await answer).json();
}

const LAUNCH = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
const OPEN_RUN = `WITH launched AS (INSERT INTO launches (id, application) VALUES ('${LAUNCH}', 'sales') ON CONFLICT DO NOTHING)
  INSERT INTO runs (job, epoch, generation, launch, spec, spec_revision)
  SELECT id, epoch + 1, 1, '${LAUNCH}', spec, revision FROM jobs WHERE id = 'sales.gold'`;

describe("a request", { timeout: 30_000 }, () => {
  it("is decided on what is there once the job is its own: a job that has stopped meanwhile is stopped already", async () => {
    const answer = await askWhile(
      "jobs/sales.gold/stop",
      "UPDATE jobs SET state = 'STOPPED', desired = 'stopped' WHERE id = 'sales.gold'",
    );
    expect(answer).toMatchObject({ state: "succeeded", steps: [{}, { step: "was stopped already" }] });
  });

  it("does not take a job for stopped whose run was opened meanwhile", async () => {
    await other.query("UPDATE jobs SET state = 'STOPPED', desired = 'stopped' WHERE id = 'sales.gold'");
    await other.query(`INSERT INTO launches (id, application) VALUES ('${LAUNCH}', 'sales') ON CONFLICT DO NOTHING`);
    const answer = await askWhile("jobs/sales.gold/stop", OPEN_RUN);
    expect(answer).toMatchObject({ kind: "stop", state: "running" });
  });

  it("stops a job first that has begun to run while its restart was being asked for", async () => {
    await askWhile("jobs/sales.gold/restart", OPEN_RUN);
    const { rows } = await other.query("SELECT desired FROM jobs WHERE id = 'sales.gold'");
    expect(rows).toEqual([{ desired: "stopped" }]);
  });

  it("that asks for what is under way is answered by it", async () => {
    const [one, two] = await Promise.all([ask("jobs/sales.gold/restart"), ask("jobs/sales.gold/restart")]);
    expect(one.json().id).toBe(two.json().id);
  });

  it("survives a deadlock with another transaction: it is tried again", async () => {
    await other.query(`INSERT INTO launches (id, application) VALUES ('${LAUNCH}', 'sales') ON CONFLICT DO NOTHING`);
    // So that Postgres ends the request and not this one.
    await other.query("SET deadlock_timeout = '20s'");
    await other.query("BEGIN");
    await other.query(`SELECT 1 FROM launches WHERE id = '${LAUNCH}' FOR UPDATE`);
    const answer = ask("applications/sales/restart");
    await someoneWaits();
    await other.query("SELECT 1 FROM jobs WHERE id = 'sales.gold' FOR UPDATE");
    await other.query("COMMIT");
    expect((await answer).statusCode).toBe(202);
    await other.query("RESET deadlock_timeout");
  });
});

describe("an Idempotency-Key", { timeout: 30_000 }, () => {
  it("answers the operation of its request, however often and whenever it comes", async () => {
    const [first, twin] = await Promise.all([ask("jobs/sales.gold/stop", "once"), ask("jobs/sales.gold/stop", "once")]);
    await ask("jobs/sales.gold/start");
    const again = await ask("jobs/sales.gold/stop", "once", { mode: "drain" });
    expect([twin.json().id, again.json().id]).toEqual([first.json().id, first.json().id]);
    expect(again.json().state).toBe("superseded");
  });

  it("stays with an operation that somebody else had asked for before", async () => {
    const before = (await ask("jobs/sales.gold/stop")).json().id;
    expect((await ask("jobs/sales.gold/stop", "merged")).json().id).toBe(before);
    await ask("jobs/sales.gold/start");
    expect((await ask("jobs/sales.gold/stop", "merged")).json()).toMatchObject({ id: before, state: "superseded" });
  });

  it.each([
    ["another body", "jobs/sales.gold/stop", { mode: "now" }],
    ["another timeout", "jobs/sales.gold/stop", { timeout: "5s" }],
    ["another action", "jobs/sales.gold/restart", {}],
    ["another job", "jobs/sales.silver/stop", {}],
    ["an application", "applications/sales/restart", {}],
  ])("is refused with %s, and nothing is changed", async (what, path, body) => {
    const { id } = (await ask("jobs/sales.gold/stop", what)).json();
    const before = await operations();
    const refused = await ask(path, what, body);
    expect(refused.json()).toMatchObject({
      status: 422,
      code: "idempotency_key_reused",
      detail: expect.stringContaining(`operation ${id} answered (stop of sales.gold)`),
    });
    expect(await operations()).toBe(before);
  });

  it("is of one kind for jobs and applications", async () => {
    const one = await ask("applications/sales/restart", "app");
    expect((await ask("applications/sales/restart", "app")).json().id).toBe(one.json().id);
    expect((await ask("applications/sales/restart", "app", { mode: "now" })).statusCode).toBe(422);
  });
});
