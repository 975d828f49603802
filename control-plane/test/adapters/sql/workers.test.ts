import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { createSqlWorkers } from "../../../src/adapters/sql/workers.ts";
import { FileVanished } from "../../../src/services/query-engine.ts";
import { SqlFailure, type SqlTask, type SqlWorkers } from "../../../src/services/sql/ports.ts";

const ENDLESS = "SELECT sum(a.range * b.range % 7) FROM range(100000000) a, range(1000000) b";

let workers: SqlWorkers | undefined;

afterEach(() => workers?.close());

function open(most: { workers: number; waiting: number }, lakeDir = tmpdir()): SqlWorkers {
  workers = createSqlWorkers({
    ...most,
    lakeDir,
    memoryBytes: 64e6,
    environment: {},
    log: pino({ level: "silent" }),
  });
  return workers;
}

function task(sql: string, more: Partial<SqlTask> = {}): SqlTask {
  const limits = { rows: 100, bytes: 1e6, timeoutMs: 30_000, memoryBytes: 64e6 };
  return { sql, params: [], views: [], files: [], format: "json", truncate: true, limits, ...more };
}

const stays = () => new AbortController().signal;

async function text(on: SqlWorkers, sql: string): Promise<string> {
  return Buffer.from((await on.run(task(sql), stays())).body).toString();
}

async function failure(running: Promise<unknown>): Promise<string> {
  const error = await running.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SqlFailure);
  return (error as SqlFailure).fault.kind;
}

/** Processes, of this test unless told otherwise, that run statements, with the folder that each writes to. */
function processes(of = process.pid): { pid: number; scratch: string }[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    const scratch = /sql\/worker\.ts (\S+)$/.exec(args)?.[1];
    return Number(parent) === of && scratch !== undefined ? [{ pid: Number(pid), scratch }] : [];
  });
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const pids = () => processes().map(({ pid }) => pid);

describe("workers", () => {
  it("are started for the first statement, and kept", async () => {
    const on = open({ workers: 2, waiting: 2 });
    expect(pids()).toEqual([]);
    expect(await text(on, "SELECT 1")).toBe("[1]");
    const [first] = pids();
    expect(await text(on, "SELECT 2")).toBe("[2]");
    expect(pids()).toEqual([first]);
  });

  it("run as many statements at once as there are of them; more wait, and too many are refused", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const gone = new AbortController();
    const endless = on.run(task(ENDLESS), gone.signal);
    const waiting = text(on, "SELECT 'waited'");
    expect(await failure(on.run(task("SELECT 1"), stays()))).toBe("busy");
    gone.abort();
    expect(await failure(endless)).toBe("gone");
    expect(await waiting).toBe('["waited"]');
  });

  it("let nobody wait for longer than the statement may take", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const gone = new AbortController();
    const endless = on.run(task(ENDLESS), gone.signal);
    const hasty = task("SELECT 1", { limits: { ...task("").limits, timeoutMs: 50 } });
    expect(await failure(on.run(hasty, stays()))).toBe("busy");
    gone.abort();
    expect(await failure(endless)).toBe("gone");
  });

  it("stop what nobody waits for any more, and go on in the same process", async () => {
    const on = open({ workers: 1, waiting: 1 });
    await text(on, "SELECT 1");
    const before = pids();
    const gone = new AbortController();
    const endless = on.run(task(ENDLESS), gone.signal);
    gone.abort();
    expect(await failure(endless)).toBe("gone");
    expect(await text(on, "SELECT 2")).toBe("[2]");
    expect(pids()).toEqual(before);
  });

  it("take what has left its place in the queue out of it", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const endless = on.run(task(ENDLESS), first.signal);
    const waiting = on.run(task(ENDLESS), second.signal);
    second.abort();
    expect(await failure(waiting)).toBe("gone");
    const next = text(on, "SELECT 1");
    first.abort();
    expect(await failure(endless)).toBe("gone");
    expect(await next).toBe("[1]");
  });

  it("that die are replaced, and whoever waited is served", async () => {
    const on = open({ workers: 1, waiting: 1 });
    await text(on, "SELECT 1");
    const [pid] = pids();
    let died = false;
    const endless = failure(on.run(task(ENDLESS), stays())).finally(() => {
      died = true;
    });
    const waiting = text(on, "SELECT 2");
    // One that is killed before the statement has come to it does not count: another one takes it.
    await expect
      .poll(() => {
        if (!died) for (const one of pids()) process.kill(one, "SIGKILL");
        return died;
      })
      .toBe(true);
    expect(await endless).toBe("crashed");
    expect(await waiting).toBe("[2]");
    expect(pids()).not.toContain(pid);
  });

  it("that died while they had nothing to do are replaced unseen", async () => {
    const on = open({ workers: 1, waiting: 1 });
    await text(on, "SELECT 1");
    const [pid] = pids();
    process.kill(pid as number, "SIGKILL");
    await expect.poll(pids).toEqual([]);
    expect(await text(on, "SELECT 2")).toBe("[2]");
  });

  it.each([
    ["by an event", "/there/is/no/such/folder"],
    ["by an exception", "/no\0folder"],
  ])("that the system does not start, which it says %s, are an answer and take no place", async (_, lakeDir) => {
    const on = open({ workers: 1, waiting: 1 }, lakeDir);
    const both = [failure(on.run(task("SELECT 1"), stays())), failure(on.run(task("SELECT 2"), stays()))];
    expect(await Promise.all(both)).toEqual(["crashed", "crashed"]);
    expect(await failure(on.run(task("SELECT 3"), stays()))).toBe("crashed");
  });

  it("that are still starting keep nobody longer than the statement may take, or than anybody waits", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const hasty = task("SELECT 1", { limits: { ...task("").limits, timeoutMs: 1 } });
    expect(await failure(on.run(hasty, stays()))).toBe("time");
    const starting = pids();
    const gone = new AbortController();
    const left = failure(on.run(task("SELECT 2"), gone.signal));
    gone.abort();
    expect(await left).toBe("gone");
    expect(await text(on, "SELECT 3")).toBe("[3]");
    expect([starting.length, pids()]).toEqual([1, starting]);
  });

  it("leave nothing behind", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const parquet = await on.run(task("SELECT 1 AS n", { format: "parquet" }), stays());
    expect(Buffer.from(parquet.body).subarray(0, 4).toString()).toBe("PAR1");
    const [{ scratch } = expect.fail("there is no process")] = processes();
    expect(existsSync(scratch)).toBe(true);
    await on.close();
    expect([pids(), existsSync(scratch)]).toEqual([[], false]);
  });

  it("end with the process that started them, in the middle of a statement and whatever ended it", async () => {
    const adapters = join(import.meta.dirname, "../../../src/adapters/sql");
    const parent = `
      import { createSqlWorkers } from "${adapters}/workers.ts";
      const log = { warn() {} };
      const workers = createSqlWorkers({ lakeDir: "/", workers: 1, waiting: 1, memoryBytes: 64e6, environment: {}, log });
      const task = (sql) => [{ ...${JSON.stringify(task(""))}, sql }, new AbortController().signal];
      await workers.run(...task("SELECT 1"));
      workers.run(...task(${JSON.stringify(ENDLESS)}));
      console.log("begun");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", parent], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const [worker = expect.fail("it has no worker")] = processes(child.pid);
    child.kill("SIGKILL");
    await expect.poll(() => isThere(worker.pid), { timeout: 4_000 }).toBe(false);
    expect(existsSync(worker.scratch)).toBe(false);
  });

  it("tell a file that is gone from other faults", async () => {
    const on = open({ workers: 1, waiting: 1 });
    const schema = "schema = MAP {'n': {name: 'n', type: 'INTEGER', default_value: NULL}}";
    const views = [{ name: "v", sql: `SELECT n FROM read_parquet(['penstock-gone.parquet'], ${schema})` }];
    const reading = on.run(task("SELECT * FROM v", { views, files: ["penstock-gone.parquet"] }), stays());
    await expect(reading).rejects.toBeInstanceOf(FileVanished);
  });

  it("have nothing of this process's environment", async () => {
    process.env.PENSTOCK_TEST_SECRET = "hush";
    const on = open({ workers: 1, waiting: 1 });
    await text(on, "SELECT 1");
    const environment = execFileSync("cat", [`/proc/${pids()[0]}/environ`], { encoding: "utf8" });
    expect(environment).not.toContain("hush");
  });
});
