import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignpost } from "../../src/adapters/signpost.ts";
import type { ControlPlane } from "../../src/control-plane.ts";
import { signpostPath } from "../../src/domain/layout.ts";
import { HOST, RUNNER_TOKEN, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { freePort } from "../fixtures/postgres.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

let running: TestControlPlane;
let first: ControlPlane;
let second: ControlPlane;
let stranger: ControlPlane;
let other: pg.Client;

beforeAll(async () => {
  running = await startControlPlane();
  other = new pg.Client({ connectionString: running.databaseUrl });
  await other.connect();
  first = running.controlPlane;
  second = await another();
  stranger = await another();
}, 60_000);

afterAll(async () => {
  await other?.end();
  for (const controlPlane of [second, stranger]) await controlPlane?.stop();
  running.controlPlane = first;
  await running?.stop();
});

async function another(): Promise<ControlPlane> {
  return running.another({ PENSTOCK_PORT: String(await freePort()), PENSTOCK_ALLOWED_HOSTS: HOST });
}

let runner: ScriptedRunner;

const get = async (url: string) => (await running.controlPlane.app.inject({ url, headers: { host: HOST } })).json();
const jobs = async (): Promise<{ id: string; state: string; epoch: number; reason: string }[]> =>
  (await get("/v1/jobs")).items;
const all = async (state: string) => (await jobs()).every((job) => job.state === state);
const epochs = async () => (await jobs()).map(({ id, epoch }) => `${id}@${epoch}`);

async function until(holds: () => Promise<boolean> | boolean, calls = true): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await holds()) return;
    if (calls) await runner?.sync();
    await delay(20);
  }
  throw new Error(`did not happen; jobs: ${JSON.stringify(await jobs())}`);
}

async function takeOver(from: ControlPlane, to: ControlPlane): Promise<void> {
  await from.reconciler.stop();
  running.controlPlane = to;
  to.reconciler.start();
}

// One story: each test goes on where the one before it ended.
describe("a control plane that takes over at another address", { timeout: 30_000 }, () => {
  it("is known to the runners before, because the one that decides tells them of it", async () => {
    first.reconciler.start();
    first.presence.start();
    await until(() => running.master.submitted.length === 1);
    runner = new ScriptedRunner(running, "sales", running.master.submitted[0] ?? "");
    await until(() => all("RUNNING"));
    expect(runner.controlPlanes).toEqual([first.presence.own]);
    second.presence.start();
    await until(() => runner.controlPlanes?.length === 2);
    expect(runner.controlPlanes).toEqual([first.presence.own, second.presence.own]);
    // What the runner knows outlives the one that told it.
    const saved = async () => (await other.query("SELECT control_planes AS known FROM launches")).rows[0].known;
    await until(async () => (await saved()).includes(second.presence.own));
  });

  it("goes on with the same runs once the runners call it", async () => {
    const before = await epochs();
    await takeOver(first, second);
    await until(async () => runner.controlPlanes?.[0] === second.presence.own && (await all("RUNNING")));
    expect(await epochs()).toEqual(before);
    expect(running.master.submitted).toHaveLength(1);
  });

  it("puts up a signpost to itself while it decides, which one that no longer does leaves alone", async () => {
    const lake = join(running.stateDir, "lake");
    const named = async () =>
      JSON.parse(await readFile(signpostPath(lake), "utf8").catch(() => "{}")).controlPlanes ?? [];
    first.presence.decides(true);
    await until(async () => (await named())[0] === first.presence.own, false);
    first.presence.decides(false);
    second.presence.decides(true);
    await until(async () => (await named())[0] === second.presence.own, false);
    // As one that was frozen and does not know yet that it has been replaced.
    await createSignpost(signpostPath(lake), RUNNER_TOKEN)([first.presence.own]);
    await until(async () => (await named())[0] === second.presence.own, false);
    second.presence.decides(false);
  });

  it("does not take the silence of a runner for its end that was never told of it", async () => {
    const before = await epochs();
    await takeOver(second, stranger);
    await until(() => all("UNKNOWN"), false);
    const [job] = await jobs();
    expect(job?.reason).toContain(`knows the control planes at ${first.presence.own}, ${second.presence.own}`);
    expect(job?.reason).toContain(`not this one at ${stranger.presence.own}: it finds it by the lake's`);
    await until(() => all("RUNNING"));
    expect(await epochs()).toEqual(before);
    expect(running.master.submitted).toHaveLength(1);
  });
});

describe("a control plane that may not decide", { timeout: 30_000 }, () => {
  it("leaves the database as it is, and declares its manifest once it may", async () => {
    await stranger.reconciler.stop();
    await other.query("TRUNCATE jobs CASCADE");
    const count = async () => Number((await other.query("SELECT count(*) AS n FROM jobs")).rows[0].n);
    // As the control plane that decides holds it.
    await other.query("SELECT pg_advisory_lock(73678625)");
    await second.start();
    running.controlPlane = second;
    const checks = async () =>
      Object.fromEntries((await get("/readyz")).checks.map(({ name, text }: Record<string, string>) => [name, text]));
    await until(async () => String((await checks()).leadership).includes("another control plane works"), false);
    expect((await checks()).boot).toBe("waits until this control plane may decide");
    expect(await count()).toBe(0);
    await other.query("SELECT pg_advisory_unlock_all()");
    await until(async () => (await count()) > 0, false);
  });
});
