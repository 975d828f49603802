import { FAILPOINTS } from "../../../control-plane/src/services/failpoint.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const JOB = "sales.gold";

/** Where the control plane dies, and what makes it come by. */
const PASSES: Record<(typeof FAILPOINTS)[number], { what: string; pass: (stage: Stage) => Promise<void> }> = {
  "operation-saving": { what: "a stop has been written and not committed: nothing of it is there", pass: nothingOfIt },
  "operation-requested": { what: "a stop has been saved, and not answered: all of it is there", pass: allOfIt },
  "run-stopping": { what: "a run has been marked as stopping", pass: stopAndStart },
  "run-closed": { what: "a run has been closed", pass: stopAndStart },
  "run-opened": { what: "a run has been opened", pass: stopAndStart },
  "operation-advanced": { what: "a step of an operation has been saved", pass: stopAndStart },
  "launch-recorded": { what: "a launch has been recorded", pass: replaceApplication },
  "launch-submitting": { what: "a submission is about to be made", pass: replaceApplication },
  "launch-submitted": { what: "a submission was made, and its id not saved", pass: replaceApplication },
  "launch-adopted": { what: "a runner has called for the first time", pass: replaceApplication },
  "launch-ended": { what: "a launch has been ended", pass: replaceApplication },
  "publication-sent": { what: "records were sent, and nothing says how far it is", pass: publishMore },
  "publication-marked": { what: "records and how far it is were sent, and not committed", pass: publishMore },
  "publication-committed": { what: "records were committed, and nobody heard of it", pass: publishMore },
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

/** The stop that the control plane dies of leaves no trace; the same request is then taken as a new one. */
async function nothingOfIt(stage: Stage): Promise<void> {
  const { epoch } = await stage.job(JOB);
  const before = await traces(stage);
  const key = await unanswered(stage);
  const after = await traces(stage);
  must(after === before, `a request that was not committed left ${after}; before it there was ${before}`);
  must((await stage.job(JOB)).epoch === epoch, "the run ended although the stop was not committed");
  await stage.done(await stage.request(JOB, "stop", {}, key));
  await stage.done(await stage.request(JOB, "start"));
}

/** Nobody was told of it, but the stop goes on, and asking again with its key makes no second one. */
async function allOfIt(stage: Stage): Promise<void> {
  const before = JSON.parse(await traces(stage)) as Traces;
  const key = await unanswered(stage);
  const again = await stage.request(JOB, "stop", {}, key);
  const after = JSON.parse(await traces(stage)) as Traces;
  const added = after.operations.filter((id) => !before.operations.includes(id));
  must(added.length === 1 && added[0] === again.id, `a stop that was committed became ${JSON.stringify(added)}`);
  const noted = after.audited.filter((id) => !before.audited.includes(id)).length;
  must(noted === 1, `a stop that was committed is ${noted} times in the audit log`);
  await stage.done(again);
  await stage.done(await stage.request(JOB, "start"));
}

interface Traces {
  desired: string;
  operations: string[];
  audited: string[];
}

/** What requests leave behind, as one text. */
async function traces(stage: Stage): Promise<string> {
  const { rest } = stage.stack;
  const ids = async (path: string, query: Record<string, string>) =>
    (await rest.get<{ items: { id: string }[] }>(path, query)).items.map(({ id }) => id);
  const found: Traces = {
    desired: (await stage.job(JOB)).desiredState,
    operations: await ids("/v1/operations", { job: JOB }),
    audited: await ids("/v1/audit/log", { target: JOB }),
  };
  return JSON.stringify(found);
}

/** Sends one stop, which must not be answered, and waits until the control plane is back. @returns its idempotency key */
async function unanswered(stage: Stage): Promise<string> {
  const key = `unanswered-${process.pid}-${performance.now()}`;
  const answer = await stage.stack.rest
    .post(`/v1/jobs/${JOB}/stop`, {}, {}, { "idempotency-key": key })
    .catch(() => null);
  must(answer === null, `a request was answered although the control plane should have died of it`);
  await stage.until("the control plane to answer again", async () => await stage.epochs());
  return key;
}

async function replaceApplication(stage: Stage): Promise<void> {
  const [newest] = await stage.launches();
  stage.send("SIGKILL", stage.drivers());
  const { epoch } = await stage.job(JOB);
  await stage.until("a new run", async () => {
    const job = await stage.job(JOB);
    return (job.epoch > epoch && job.state === "RUNNING") || { pending: `${job.epoch} ${job.state} ${job.reason}` };
  });
  const launches = await stage.launches();
  const since = launches.slice(
    0,
    launches.findIndex(({ id }) => id === newest?.id),
  );
  // What was recorded and, as it turned out, never reached the master started nothing.
  const made = since.filter(({ endReason }) => endReason !== "the submission was never made");
  must(made.length === 1, `${made.length} submissions instead of one: ${JSON.stringify(since)}`);
}

/** The traffic alone leads to metrics, which are sent on; no row may be left, and none sent twice. */
async function publishMore(stage: Stage): Promise<void> {
  const died = controlPlanePid(stage);
  await stage.until("the control plane to publish", async () => {
    const pid = controlPlanePid(stage);
    return (pid !== 0 && pid !== died) || { pending: pid };
  });
  await stage.until("every publication to be up to date", async () => {
    const { items } = await stage.stack.rest.get<{ items: { name: string; lag: string; unaccounted: string }[] }>(
      "/v1/publications",
    );
    must(
      items.every(({ unaccounted }) => unaccounted === "0"),
      "as many rows must have been sent as there are",
    );
    return items.every(({ lag }) => Number(lag) < 50) || { pending: items };
  });
}

function controlPlanePid(stage: Stage): number {
  return stage.service("control-plane")[0]?.pid ?? 0;
}
