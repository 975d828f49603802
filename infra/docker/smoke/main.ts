// The main job in containers: exact before anything dies, and exact again after the worker and then the master were
// killed while events came.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../../control-plane/src/domain/manifest.ts";
import { describeOptions, readCommandLine, UsageError } from "../../../producer/src/command-line.ts";
import type { Difference } from "../../../producer/src/oracle/comparison.ts";
import type { Expectation } from "../../../producer/src/oracle/expectation.ts";
import * as setting from "../../../producer/src/setting.ts";
import { jobsCaughtUp, jobsRunning } from "../../../test/smoke/progress.ts";
import { reconcile } from "../../../test/smoke/reconciliation.ts";
import { differenceList, outcomeTable, revenueTable } from "../../../test/smoke/report.ts";
import { settled } from "../../../test/smoke/settled.ts";
import { livingLaunch } from "../../../test/stack/launches.ts";
import { RestClient } from "../../../test/stack/rest-client.ts";
import { waitFor } from "../../../test/stack/wait-for.ts";
import { CHECKOUT } from "../../local/src/root.ts";
import { Compose, engineProblem } from "./compose.ts";
import { killContainer } from "./kill.ts";

const OPTIONS = {
  count: {
    read: setting.wholeNumber(1_000, 10_000_000),
    value: "N",
    default: "20000",
    help: "how many events to produce: half before the kills, half while they happen",
  },
  rate: {
    read: setting.wholeNumber(10, 100_000),
    value: "N",
    default: "100",
    help: "events per second while containers are killed",
  },
  seed: { read: setting.wholeNumber(0, 2 ** 31 - 1), value: "N", default: "7", help: "of the events" },
  timeout: { read: setting.duration, value: "TIME", default: "5m", help: "how long each step may take" },
};
const SWITCHES = {
  "no-build": "take the images that there are",
  keep: "leave the stack running at the end",
  help: "show this",
};
const HELP = `Brings the stack up in containers of a project of its own, kills the container of the Spark worker and then that of the
master while events come, and compares every figure with the oracle's, before and after.

  npm run smoke:docker -- [options]

${describeOptions(OPTIONS, SWITCHES)}

Ends with 0 when every window and every count is exactly right, with 1 otherwise.
`;
const MANIFEST = "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml";
const SHARES = { duplicates: 0.02, late: 0.05, "too-late": 0.005, future: 0.005, undecodable: 0.01, invalid: 0.02 };
const STARTED = Date.now();

const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
const jobs = Object.keys(manifest.jobs);
const topic = manifest.topics.events.name;

function tell(line: string): void {
  console.log(`${((Date.now() - STARTED) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** What the steps need. */
interface Run {
  compose: Compose;
  rest: RestClient;
  seed: number;
  wait: { timeout: number; signal: AbortSignal };
}

/** Sends events of the sequence. @param skip how many of it were sent before */
function produce({ compose, seed }: Run, count: number, skip: number, rate: number): Promise<string> {
  const options = { brokers: "kafka:9092", registry: REGISTRY, topic, seed, count, skip, rate, ...SHARES };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return compose.node("producer/src/main.ts", ...args).then((said) => said.trim());
}

const REGISTRY = "http://schema-registry:8081/apis/ccompat/v7";

/** Waits until everything is read, and compares every figure. @returns whether all are exact */
async function compare({ compose, rest, wait }: Run, events: number): Promise<boolean> {
  await jobsCaughtUp({ rest }, jobs, events, wait, tell);
  await jobsRunning({ rest }, jobs, wait.timeout, wait.signal);
  const { windowMs, allowedLatenessMs, allowedSkewMs } = manifest.parameters;
  const rules = { window: windowMs, "allowed-lateness": allowedLatenessMs, "allowed-skew": allowedSkewMs };
  const args = Object.entries(rules).flatMap(([name, ms]) => [`--${name}`, `${ms}ms`]);
  const source = ["--brokers", "kafka:9092", "--registry", REGISTRY, "--topic", topic];
  const expected = JSON.parse(await compose.node("producer/src/oracle/main.ts", ...source, ...args)) as Expectation;
  const { windows, outcomes, found } = await settled(rest, expected, wait.signal);
  const short: Difference[] =
    expected.records >= events ? [] : [{ key: "records", expected: `${events}`, actual: `${expected.records}` }];
  const differences = [...short, ...found, ...(await reconcile({ rest }, wait, tell))];
  console.log(outcomeTable(expected, outcomes));
  console.log(revenueTable(expected, windows.length));
  tell(differences.length === 0 ? "Exact: every window and every count." : differenceList(differences));
  return differences.length === 0;
}

async function launchedAnew({ rest, wait }: Run, before: string | undefined): Promise<void> {
  await waitFor<true>(
    async () => {
      const now = await livingLaunch(rest);
      return (now !== null && now.id !== before) || { pending: now === null ? "no driver" : "the driver of before" };
    },
    { ...wait, what: "a new driver", interval: 500 },
  );
  tell("The driver was submitted anew");
}

/** @returns whether all was exact */
async function smoke(run: Run, count: number, rate: number): Promise<boolean> {
  const { compose, rest, wait } = run;
  await jobsRunning({ rest }, jobs, wait.timeout, wait.signal);
  tell(`${jobs.join(", ")} run`);
  const half = Math.floor(count / 2);
  tell(await produce(run, half, 0, 0));
  if (!(await compare(run, half))) return false;

  const producing = produce(run, count - half, half, rate);
  // Its failure is told when it is waited for, at the end.
  producing.catch(() => undefined);
  for (const service of ["spark-worker", "spark-master"]) {
    const before = await livingLaunch(rest);
    tell(`Killing everything in the container of ${service}`);
    await killContainer(compose, service, wait);
    tell(`${service} was started again by its restart policy, and is healthy`);
    // The driver dies with its worker; an application outlives its master.
    if (service === "spark-worker") await launchedAnew(run, before?.id);
    await jobsRunning({ rest }, jobs, wait.timeout, wait.signal);
    tell(`${jobs.join(", ")} run`);
  }
  tell(await producing);
  return await compare(run, count);
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { values, switches } = readCommandLine(process.argv.slice(2), {}, OPTIONS, SWITCHES);
  if (switches.help) {
    console.log(HELP);
    return 0;
  }
  const problem = await engineProblem();
  if (problem !== null) throw new UsageError(`This needs a Docker engine and Compose 2, and ${problem}.`);
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort(new Error("Interrupted")));
  const compose = await Compose.prepare("penstock-smoke");
  let keep = switches.keep;
  try {
    if (!switches["no-build"]) await compose.show("build");
    tell("Images are built");
    const before = Date.now();
    await compose.show("up", "--detach", "--wait", "--scale", "producer=0", "--scale", "prometheus=0");
    tell(`Ready ${((Date.now() - before) / 1000).toFixed(1)} s after the start, at http://127.0.0.1:${compose.port}`);
    const token = (await compose.ask("exec", "-T", "control-plane", "token")).trim();
    const rest = new RestClient(`http://127.0.0.1:${compose.port}`, token);
    const wait = { timeout: values.timeout, signal: abort.signal };
    return (await smoke({ compose, rest, seed: values.seed, wait }, values.count, values.rate)) ? 0 : 1;
  } catch (error) {
    console.error(await compose.ask("ps", "--all").catch(() => ""));
    console.error(await compose.ask("logs", "--no-color", "--tail", "30").catch(() => ""));
    keep &&= !abort.signal.aborted;
    throw error;
  } finally {
    if (keep) tell(`The stack still runs; remove it with: docker compose -p ${compose.project} down --volumes`);
    else await compose.show("down", "--volumes", "--timeout", "10");
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = error as Error;
  console.error(failure instanceof UsageError ? failure.message : `The smoke test failed: ${failure.message}`);
  process.exitCode = failure instanceof UsageError ? 2 : 1;
}
