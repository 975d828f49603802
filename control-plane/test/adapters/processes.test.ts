import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { createProcesses } from "../../src/adapters/processes.ts";

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(launchId: string): ChildProcess {
  const child = spawn("sleep", ["60"], { env: { PATH: process.env.PATH, PENSTOCK_LAUNCH_ID: launchId } });
  children.push(child);
  return child;
}

describe.runIf(existsSync("/proc/self/stat"))("processes of this machine", () => {
  const processes = createProcesses();

  it("are found by the launch id in their environment, and by no part of it", async () => {
    const launchId = randomUUID();
    const child = start(launchId);
    await once(child, "spawn");
    expect((await processes.ofLaunch(launchId))?.map((found) => found.pid)).toEqual([child.pid]);
    expect(await processes.ofLaunch(launchId.slice(0, -1))).toEqual([]);
  });

  it("are the same only with the same start time: a pid is used again", async () => {
    const launchId = randomUUID();
    await once(start(launchId), "spawn");
    const [found] = (await processes.ofLaunch(launchId)) ?? [];
    if (found === undefined) throw new Error("not found");
    expect(processes.alive(found)).toBe(true);
    expect(processes.alive({ ...found, startTicks: "1" })).toBe(false);
  });

  it("are killed even when frozen, and never one that took over the pid", async () => {
    const launchId = randomUUID();
    const child = start(launchId);
    await once(child, "spawn");
    child.kill("SIGSTOP");
    const [found] = (await processes.ofLaunch(launchId)) ?? [];
    if (found === undefined) throw new Error("not found");
    processes.kill({ ...found, startTicks: "1" });
    expect(processes.alive(found)).toBe(true);
    const gone = once(child, "exit");
    processes.kill(found);
    await gone;
    expect(processes.alive(found)).toBe(false);
    processes.kill(found);
  });
});
