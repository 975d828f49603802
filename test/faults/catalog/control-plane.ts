import { spawn } from "node:child_process";
import { join } from "node:path";
import { FAILPOINTS, type FailpointName } from "../../../control-plane/src/services/failpoint.ts";
import { environmentOf } from "../../../infra/local/src/processes.ts";
import { CHECKOUT } from "../../../infra/local/src/root.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const JOB = "sales.gold";

/** Where the control plane dies, and what makes it come by. */
const PASSES: Record<FailpointName, { what: string; pass: (stage: Stage) => Promise<void> }> = {
  "operation-requested": { what: "a stop has been saved", pass: stopAndStart },
  "run-stopping": { what: "a run has been marked as stopping", pass: stopAndStart },
  "run-closed": { what: "a run has been closed", pass: stopAndStart },
  "run-opened": { what: "a run has been opened", pass: stopAndStart },
  "operation-advanced": { what: "a step of an operation has been saved", pass: stopAndStart },
  "launch-recorded": { what: "a launch has been recorded", pass: replaceApplication },
  "launch-submitting": { what: "a submission is about to be made", pass: replaceApplication },
  "launch-submitted": { what: "a submission was made, and its id not saved", pass: replaceApplication },
  "launch-adopted": { what: "a runner has called for the first time", pass: replaceApplication },
  "launch-ended": { what: "a launch has been ended", pass: replaceApplication },
};

/** Faults of the control plane: jobs go on without it, and nothing is done twice. */
export const controlPlaneFaults: Fault[] = [
  {
    id: "control-plane-killed",
    what: "kill -9 of the control plane while jobs run",
    unharmed: true,
    async happen(stage) {
      const [epochs, launches] = [await stage.epochs(), await stage.launches()];
      const before = stage.drivers();
      stage.send("SIGKILL", stage.service("control-plane"));
      await stage.until("the control plane to answer again, with the jobs as they were", async () => {
        const now = await stage.epochs();
        return JSON.stringify(now) === JSON.stringify(epochs) || { pending: now };
      });
      must((await stage.launches()).length === launches.length, "an application was submitted again");
      const after = stage.drivers().map(({ pid }) => pid);
      must(
        before.every(({ pid }) => after.includes(pid)),
        "the driver did not go on",
      );
    },
  },
  {
    id: "second-control-plane",
    what: "a second control plane on the same database: it stands by, and takes over when the first one is killed",
    unharmed: true,
    async happen(stage) {
      const [epochs, launches] = [await stage.epochs(), await stage.launches()];
      const first = stage.service("control-plane");
      const port = stage.stack.settings.ports.controlPlane + 1_000;
      const environment = Object.fromEntries(environmentOf(controlPlanePid(stage)));
      const second = spawn(process.execPath, [join(CHECKOUT, "control-plane", "src", "main.ts")], {
        env: { ...environment, PENSTOCK_PORT: String(port) },
        stdio: "ignore",
      });
      const ended = new Promise((resolve) => second.once("exit", resolve));
      try {
        await stage.until("the second to stand by", async () => {
          const text = await leadershipAt(port);
          return text.includes("another control plane works on this database") || { pending: text };
        });
        stage.send("SIGKILL", first);
        await stage.until("the second to decide", async () => {
          const text = await leadershipAt(port);
          return text === "decides" || { pending: text };
        });
      } finally {
        second.kill("SIGTERM");
        await ended;
      }
      await stage.until("the first to decide again, with the jobs as they were", async () => {
        const text = await leadershipAt(stage.stack.settings.ports.controlPlane);
        const now = await stage.epochs();
        return (text === "decides" && JSON.stringify(now) === JSON.stringify(epochs)) || { pending: { text, now } };
      });
      must((await stage.launches()).length === launches.length, "an application was submitted again");
    },
  },
  ...FAILPOINTS.map(
    (name): Fault => ({
      id: `crash-at-${name}`,
      what: `the control plane dies when ${PASSES[name].what}`,
      async happen(stage) {
        const died = controlPlanePid(stage);
        stage.arm(name);
        await PASSES[name].pass(stage);
        must(controlPlanePid(stage) !== died, `the control plane did not come by "${name}"`);
      },
    }),
  ),
];

async function stopAndStart(stage: Stage): Promise<void> {
  const { epoch } = await stage.job(JOB);
  await stage.done(await stage.request(JOB, "stop"));
  await stage.done(await stage.request(JOB, "start"));
  must((await stage.job(JOB)).epoch === epoch + 1, "stopping and starting once made more than one run");
}

async function replaceApplication(stage: Stage): Promise<void> {
  const [newest] = await stage.launches();
  stage.send("SIGKILL", stage.drivers());
  const { epoch } = await stage.job(JOB);
  await stage.until("a new run", async () => {
    const job = await stage.job(JOB);
    return (job.epoch > epoch && job.state === "RUNNING") || { pending: `${job.epoch} ${job.state} ${job.reason}` };
  });
  const since = (await stage.launches()).findIndex(({ id }) => id === newest?.id);
  must(since === 1, `${since} launches instead of one`);
}

async function leadershipAt(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  const { checks } = (await response.json()) as { checks: { name: string; text: string }[] };
  return checks.find(({ name }) => name === "leadership")?.text ?? "";
}

function controlPlanePid(stage: Stage): number {
  return stage.service("control-plane")[0]?.pid ?? 0;
}
