import { FAILPOINTS, type FailpointName } from "../../../control-plane/src/services/failpoint.ts";
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
  const launches = (await stage.launches()).length;
  stage.send("SIGKILL", stage.drivers());
  const { epoch } = await stage.job(JOB);
  await stage.until("a new run", async () => {
    const job = await stage.job(JOB);
    return (job.epoch > epoch && job.state === "RUNNING") || { pending: `${job.epoch} ${job.state} ${job.reason}` };
  });
  const after = (await stage.launches()).length;
  must(after <= 10 || after === launches + 1, `${after - launches} launches instead of one`);
}

function controlPlanePid(stage: Stage): number {
  return stage.service("control-plane")[0]?.pid ?? 0;
}
