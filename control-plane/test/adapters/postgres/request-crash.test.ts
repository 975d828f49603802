import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-request-crash-"));
const source = (path: string) => JSON.stringify(new URL(`../../../src/adapters/${path}`, import.meta.url).href);

let running: TestControlPlane;
let database: pg.Client;

beforeAll(async () => {
  running = await startControlPlane();
  database = new pg.Client({ connectionString: running.databaseUrl });
  await database.connect();
}, 60_000);

afterAll(async () => {
  await database?.end();
  await running?.stop();
  rmSync(folder, { recursive: true });
});

/** A process that takes a stop of sales.gold and passes the failpoints on its way. @returns how it ended */
async function takeStop(id: string, failpoint: string): Promise<string | number | null> {
  writeFileSync(join(folder, failpoint), "");
  const operation = {
    id,
    kind: "stop",
    request: { mode: "drain", timeoutMs: 30_000, force: false },
    done: null,
    effect: { desired: "stopped", kill: null, declareDead: null },
    audit: { actor: "local", action: "job.stop", target: "sales.gold", requestId: id, before: null, after: null },
  };
  const program = `
    const { openDatabase } = await import(${source("postgres/database.ts")});
    const { createRequestStore } = await import(${source("postgres/operation-requests.ts")});
    const { createFailpoints } = await import(${source("failpoints.ts")});
    const failpoint = createFailpoints(${JSON.stringify(folder)});
    const store = createRequestStore(openDatabase(${JSON.stringify(running.databaseUrl)}, () => {}), failpoint);
    const key = { text: ${JSON.stringify(id)}, hash: "h" };
    await store.take({ job: "sales.gold" }, key, () => (${JSON.stringify({ save: operation })}));
    failpoint("operation-requested");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
  return await new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
}

/** What is there of a request. */
async function traces(id: string) {
  const count = async (table: string, column: string) =>
    (await database.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [id])).rowCount;
  const { rows } = await database.query("SELECT desired FROM jobs WHERE id = 'sales.gold'");
  return {
    operations: await count("operations", "id"),
    keys: await count("idempotency_keys", "key"),
    audited: await count("audit_log", "request_id"),
    told: (await database.query("SELECT 1 FROM events WHERE data->>'operation' = $1", [id])).rowCount,
    desired: rows[0]?.desired,
  };
}

describe("a process that dies of a request", () => {
  it("before its commit leaves nothing of it", async () => {
    const id = "6f9619ff-8b86-4011-b42d-00cf4fc96401";
    expect(await takeStop(id, "operation-saving")).toBe("SIGKILL");
    expect(await traces(id)).toEqual({ operations: 0, keys: 0, audited: 0, told: 0, desired: "running" });
  });

  it("behind its commit leaves all of it", async () => {
    const id = "6f9619ff-8b86-4011-b42d-00cf4fc96402";
    expect(await takeStop(id, "operation-requested")).toBe("SIGKILL");
    expect(await traces(id)).toEqual({ operations: 1, keys: 1, audited: 1, told: 1, desired: "stopped" });
  });
});
