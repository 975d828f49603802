import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../src/adapters/postgres/database.ts";
import { startPostgres, type TestPostgres } from "../../fixtures/postgres.ts";

let postgres: TestPostgres;
let database: Database;
let frozen: number[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  const limits = { connectMs: 400, statementMs: 300, answerMs: 600 };
  database = openDatabase(
    postgres.url,
    () => undefined,
    () => null,
    limits,
  );
}, 60_000);

afterEach(() => thaw());

afterAll(async () => {
  await database?.close();
  await postgres?.stop();
});

async function backendOf(on: Queryable): Promise<number> {
  return Number((await on.query<{ pid: number }>("SELECT pg_backend_pid() AS pid"))[0]?.pid);
}

/** Stops the server and what serves this process: connections stay open, and nothing answers. */
async function freeze(on: Queryable): Promise<void> {
  const backend = await backendOf(on);
  const server = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${backend}/status`, "utf8"))?.[1]);
  frozen = [server, backend];
  for (const pid of frozen) process.kill(pid, "SIGSTOP");
}

function thaw(): void {
  for (const pid of frozen) process.kill(pid, "SIGCONT");
  frozen = [];
}

const AWAY = { details: { status: 503, code: "dependency_unavailable" } };

describe("a Postgres that is frozen", { timeout: 20_000 }, () => {
  it("is away within the time limit, on the connections there are and for new ones", async () => {
    await freeze(database);
    await expect(database.query("SELECT 1")).rejects.toMatchObject(AWAY);
    await expect(database.query("SELECT 1")).rejects.toMatchObject(AWAY);
    thaw();
    expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("ends a transaction, whose connection is not used again", async () => {
    let backend = 0;
    const work = database.transaction(async (tx) => {
      backend = await backendOf(tx);
      await freeze(tx);
      await tx.query("SELECT 1");
    });
    await expect(work).rejects.toMatchObject(AWAY);
    thaw();
    expect(await backendOf(database)).not.toBe(backend);
  });
});

describe("a statement that takes too long", () => {
  it("is ended by Postgres, and says that Postgres does not answer in time", async () => {
    await expect(database.query("SELECT pg_sleep(5)")).rejects.toMatchObject(AWAY);
    expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});
