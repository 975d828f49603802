import { spawn } from "node:child_process";
import { join } from "node:path";
import { FAILPOINTS, type FailpointName } from "../../../control-plane/src/services/failpoint.ts";
import { environmentOf } from "../../../infra/local/src/processes.ts";
import { CHECKOUT } from "../../../infra/local/src/root.ts";
import type { JobStatus } from "../../stack/resources.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const JOB = "sales.gold";
/** Longer than a silent runner's processes are left alone. */
const STAYS_MS = 40_000;

/** Where the control plane dies, and what makes it come by. */
const PASSES: Record<FailpointName, { what: string; pass: (stage: Stage) => Promise<void> }> = {
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
  {
    id: "second-control-plane",
    long: true,
    what: "the first control plane is killed for good and a second one at another address takes over; later it goes back",
    unharmed: true,
    async happen(stage) {
      const [epochs, launches] = [await stage.epochs(), await stage.launches()];
      const isAsBefore = async (port: number) => {
        const [text, now] = [await leadershipAt(port), await runningEpochs(port)];
        return (text === "decides" && JSON.stringify(now) === JSON.stringify(epochs)) || { pending: { text, now } };
      };
      const ports = stage.stack.settings.ports;
      const port = ports.controlPlane + 1_000;
      const first = stage.service("control-plane");
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
        await stage.ask("control-plane", "stop");
        await stage.until("the second to decide, with the jobs as they were", () => isAsBefore(port));
        // A runner that did not call would be taken for frozen, killed and replaced by then.
        await stage.lasts(STAYS_MS);
        await stage.until("the jobs to be as they were after a while", () => isAsBefore(port));
        await stage.ask("control-plane", "start");
        await stage.until("the first to stand by", async () => {
          const text = await leadershipAt(ports.controlPlane);
          return text.includes("another control plane works on this database") || { pending: text };
        });
      } finally {
        second.kill("SIGTERM");
        await ended;
        await stage.ask("control-plane", "start");
      }
      await stage.until("the first to decide again, with the jobs as they were", () => isAsBefore(ports.controlPlane));
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
  const since = (await stage.launches()).findIndex(({ id }) => id === newest?.id);
  must(since === 1, `${since} launches instead of one`);
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

/** Empty while it does not answer. */
async function leadershipAt(port: number): Promise<string> {
  const answer = await askAt<{ checks: { name: string; text: string }[] }>(port, "/readyz");
  return answer?.checks.find(({ name }) => name === "leadership")?.text ?? "";
}

/** Epochs of the jobs that are RUNNING, as one control plane says. */
async function runningEpochs(port: number): Promise<Record<string, number>> {
  const { items } = (await askAt<{ items: JobStatus[] }>(port, "/v1/jobs")) ?? { items: [] };
  return Object.fromEntries(items.filter(({ state }) => state === "RUNNING").map(({ id, epoch }) => [id, epoch]));
}

/** null while it does not answer */
async function askAt<T>(port: number, path: string): Promise<T | null> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
  return response === null ? null : ((await response.json()) as T);
}

function controlPlanePid(stage: Stage): number {
  return stage.service("control-plane")[0]?.pid ?? 0;
}
