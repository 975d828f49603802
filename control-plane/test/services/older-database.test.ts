import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runner as migrate } from "node-pg-migrate";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { freePort } from "../fixtures/postgres.ts";

const MIGRATIONS = fileURLToPath(new URL("../../migrations", import.meta.url));
/** The first migration that the older version does not know: it adds a column to the generations. */
const NEWER = "0022_inherited_rows";

let running: TestControlPlane;
let older: pg.Client;

beforeAll(async () => {
  running = await startControlPlane({ PENSTOCK_PORT: String(await freePort()), PENSTOCK_ALLOWED_HOSTS: HOST });
  older = new pg.Client({ connectionString: running.databaseUrl, application_name: "an older control plane" });
  await older.connect();
  await older.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  const count = (await readdir(MIGRATIONS)).filter((file) => file < NEWER).length;
  const log = () => undefined;
  await migrate({ dbClient: older, dir: MIGRATIONS, direction: "up", migrationsTable: "migrations", count, log });
  // As the control plane that decides holds it.
  await older.query("SELECT pg_advisory_lock(73678625)");
}, 60_000);

afterAll(async () => {
  await older?.end();
  await running?.stop();
});

const ask = (method: "GET" | "DELETE", url: string) =>
  running.controlPlane.app.inject({ method, url, headers: { host: HOST } });
const get = (url: string) => ask("GET", url);

async function untilReady(text: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if ((await get("/readyz")).body.includes(text)) return;
    await delay(20);
  }
  throw new Error(`/readyz does not say ${text}: ${(await get("/readyz")).body}`);
}

// One story: the second test goes on where the first one ended.
describe("a control plane on the database of an older one that decides", { timeout: 30_000 }, () => {
  it("says what it waits for where the database lacks what it asks for, and lives", async () => {
    await running.controlPlane.start();
    await untilReady("stands by: another control plane works on this database");
    const answer = await get("/v1/generations");
    expect(answer.json()).toMatchObject({
      status: 503,
      code: "not_ready",
      title: "The database is not up to date yet",
    });
    expect(answer.json().detail).toContain(`lacks the migrations from ${NEWER} on`);
    expect(answer.json().detail).toContain("another control plane works on this database: an older control plane at ");
    expect(answer.json().next).toContain("Ask the control plane that decides");
    const refused = await ask("DELETE", "/v1/generations/1");
    expect([refused.statusCode, refused.json().code]).toEqual([503, "not_ready"]);
    expect((await get("/healthz")).statusCode).toBe(200);
  });

  it("answers once it decides, for then it brings the database up to date", async () => {
    await older.query("SELECT pg_advisory_unlock_all()");
    const statuses: number[] = [];
    while (statuses.at(-1) !== 200 && statuses.length < 2_000) {
      statuses.push((await get("/v1/generations")).statusCode);
      await delay(5);
    }
    expect([...new Set(statuses)]).toEqual([503, 200]);
  });
});
