import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../../src/adapters/postgres/database.ts";
import { createHistory } from "../../../src/adapters/postgres/history.ts";
import { readTotals } from "../../../src/adapters/postgres/totals.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";

let running: TestControlPlane;
let database: Database;
const launches: string[] = [];
const operations: string[] = [];

/** Six launches with a run each of two jobs; the runs of one were ended by requests. */
beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
  for (let number = 1; number <= 6; number += 1) {
    const [launch, operation] = [randomUUID(), randomUUID()];
    launches.push(launch);
    operations.push(operation);
    const at = `now() - interval '1 day' + interval '${number} min'`;
    await database.query(
      `INSERT INTO launches (id, application, recorded_at, ended_at) VALUES ($1, 'sales', ${at}, ${at})`,
      [launch],
    );
    await database.query(
      `INSERT INTO operations (id, kind, job, state, request, from_epoch, created_at, ended_at)
       VALUES ($1, 'stop', 'sales.gold', 'succeeded', '{"mode":"drain","timeoutMs":1}', $2, ${at}, ${at})`,
      [operation, number - 1],
    );
    await database.query("INSERT INTO idempotency_keys (key, operation, request_hash) VALUES ($1, $2, '')", [
      `key ${number}`,
      operation,
    ]);
    for (const [job, endedBy] of [
      ["sales.gold", "request"],
      ["sales.silver", "failure"],
    ]) {
      await database.query(
        `INSERT INTO runs (job, epoch, generation, launch, spec, spec_revision, ended_at, ended_by, operation, batches, rows, outcomes)
         SELECT id, $2, 1, $3, spec, revision, now(), $4, $5, 10, 100, '{"accepted": 97, "late": 3}' FROM jobs WHERE id = $1`,
        [job, number, launch, endedBy, endedBy === "request" ? operation : null],
      );
      await database.query("UPDATE jobs SET epoch = $2 WHERE id = $1", [job, number]);
    }
  }
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

const ids = async (text: string) => (await database.query<{ id: string }>(text)).map(({ id }) => id);
const sorted = async () => {
  const totals = await readTotals(database);
  return Object.fromEntries(
    Object.entries(totals).map(([name, rows]) => [name, (rows as object[]).map((row) => JSON.stringify(row)).sort()]),
  );
};

describe("history", () => {
  it("keeps the newest, what those name, and every count", async () => {
    const before = await sorted();
    const prune = () =>
      createHistory(database).prune({ runsPerJob: 3, launchesPerApplication: 1, operationsPerSubject: 1 });
    await prune();
    await prune();
    expect(await ids("SELECT epoch AS id FROM runs WHERE job = 'sales.gold' ORDER BY epoch")).toEqual([4, 5, 6]);
    expect(await ids("SELECT id FROM launches ORDER BY recorded_at")).toEqual(launches.slice(3));
    expect(await ids("SELECT id FROM operations ORDER BY created_at")).toEqual(operations.slice(3));
    expect(await ids("SELECT key AS id FROM idempotency_keys ORDER BY key")).toEqual(["key 4", "key 5", "key 6"]);
    expect(await sorted()).toEqual(before);
  });

  it("keeps what has not ended, however old", async () => {
    const { app } = running.controlPlane;
    const { id } = (
      await app.inject({ method: "POST", url: "/v1/jobs/sales.dq/stop", headers: { host: HOST } })
    ).json();
    await createHistory(database).prune({ runsPerJob: 0, launchesPerApplication: 0, operationsPerSubject: 0 });
    expect(await ids("SELECT id FROM operations")).toEqual([id]);
    expect(await ids("SELECT id FROM launches")).toEqual([]);
  });
});
