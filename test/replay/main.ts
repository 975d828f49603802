import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { REPLAY_FAILPOINTS } from "../../control-plane/src/services/failpoint.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { UsageError } from "../../producer/src/command-line.ts";
import { FAILPOINT_FOLDER, Stage } from "../faults/stage.ts";
import { type Producing, startProducer } from "../smoke/produce.ts";
import { jobsCaughtUp, jobsRunning } from "../smoke/progress.ts";
import { differences } from "../stack/exact.ts";
import { liveGenerations, type ReplayStatus, replayIs } from "../stack/replays.ts";
import { killDrivers } from "../stack/spark-driver.ts";
import { type Stack, withStack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";
import { WindowClient } from "../stack/window-client.ts";
import { HELP, type ReplayTestOptions, readReplayTestOptions } from "./options.ts";

const MANIFEST = "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml";
/** The lag that the live jobs are allowed, and what may come on top while a batch of a shadow is under way. */
const BOUND_S = 30;
const SLACK_S = 60;
const startedAt = Date.now();

function tell(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** One run on one stack: what was promised and not kept, as sentences. */
class Trial {
  private readonly stack: Stack;
  private readonly manifest: Manifest;
  private readonly options: ReplayTestOptions;
  private readonly signal: AbortSignal;
  private readonly stage: Stage;
  private readonly broken: string[] = [];
  private seed: number;

  constructor(stack: Stack, manifest: Manifest, options: ReplayTestOptions, signal: AbortSignal) {
    this.stack = stack;
    this.manifest = manifest;
    this.options = options;
    this.signal = signal;
    this.stage = new Stage(stack, this.jobs, tell, signal);
    this.seed = options.seed;
  }

  async run(): Promise<string[]> {
    const { stack, options, signal } = this;
    await jobsRunning(stack, this.jobs, options.timeoutMs, signal);
    const catchUp = await this.liveCatchUp();
    const flow = this.produce(10_000_000, options.rate);
    try {
      const replay = await this.fromTheBeginning(catchUp);
      if (options.kills) await this.underKills(replay);
    } finally {
      const sent = await flow.stop();
      tell(`${sent} events were sent meanwhile`);
    }
    await this.exact();
    return this.broken;
  }

  private get jobs(): string[] {
    return Object.keys(this.manifest.jobs);
  }

  private produce(events: number, rate?: number): Producing {
    const { parameters, topics } = this.manifest;
    const order = { topic: topics.events.name, seed: this.seed++, events, parameters };
    return startProducer(this.stack, rate === undefined ? order : { ...order, rate }, this.signal);
  }

  private promise(kept: boolean, otherwise: string): void {
    if (kept) return;
    tell(`BROKEN: ${otherwise}`);
    this.broken.push(otherwise);
  }

  /** Lets silver and what reads it catch up with a backlog. @returns records a second */
  private async liveCatchUp(): Promise<number> {
    const { stack, options, stage } = this;
    for (const job of ["sales.silver", "sales.gold", "sales.dq"]) await stage.done(await stage.request(job, "stop"));
    tell(await this.produce(options.backlog).ended);
    await this.caughtUp(["sales.bronze"]);
    const from = Date.now();
    for (const job of ["sales.silver", "sales.gold", "sales.dq"]) await stage.request(job, "start");
    await this.caughtUp(this.jobs);
    const rate = options.backlog / ((Date.now() - from) / 1_000);
    tell(`The live jobs caught up with ${options.backlog} records at ${Math.round(rate)} records/s`);
    await jobsRunning(stack, this.jobs, options.timeoutMs, this.signal);
    return rate;
  }

  private async fromTheBeginning(catchUp: number): Promise<ReplayStatus> {
    const { stack, options } = this;
    const client = new WindowClient(stack);
    const gates = { maxWindowsChanged: 0, maxRecordsChanged: 0 };
    const begun = await stack.rest.post<ReplayStatus>(
      "/v1/replays",
      {},
      {
        ...{ job: "sales.silver", gates, liveLagBound: `${BOUND_S}s` },
      },
    );
    const from = Date.now();
    const lag = { worst: 0 };
    const diffed = await this.watched(begun.id, "diffed", lag);
    const caughtUpAt = Date.parse(diffed.steps.find(({ step }) => step === "caught_up")?.at ?? "");
    const rate = options.backlog / ((caughtUpAt - from) / 1_000);
    tell(
      `The replay caught up at ${Math.round(rate)} records/s beside ${options.rate} events/s: ${(rate / catchUp).toFixed(2)} of the live catch-up; live lag at most ${lag.worst} s`,
    );
    this.promise(lag.worst <= BOUND_S + SLACK_S, `live lag was ${lag.worst} s, the bound is ${BOUND_S} s`);
    const failing = diffed.gates?.filter(({ passed }) => !passed) ?? [];
    this.promise(failing.length === 0, `the diff is not empty: ${JSON.stringify(failing)}`);
    await stack.rest.post(`/v1/replays/${begun.id}/promote`);
    const promoted = await this.watched(begun.id, "promoted", lag);
    const { answers, generations, complaints } = await client.stop();
    tell(`Promoted; ${answers} answers to a client meanwhile, of the generations ${[...generations].join(", ")}`);
    for (const complaint of complaints) this.promise(false, complaint);
    return promoted;
  }

  /** Back and there again; the control plane dies at every step, and the driver with it at every third. */
  private async underKills(replay: ReplayStatus): Promise<void> {
    const { stack, stage, options } = this;
    const client = new WindowClient(stack, true);
    const points = REPLAY_FAILPOINTS.filter((point) => !["replay-recorded", "replay-created"].includes(point));
    for (const point of points) stage.arm(point);
    const killer = this.killDriversNowAndThen();
    for (const [request, state] of [
      ["rollback", "rolled_back"],
      ["promote", "promoted"],
    ] as const) {
      await this.ask(replay.id, request);
      await replayIs(stack, replay.id, state, options.timeoutMs);
      const live = await liveGenerations(stack);
      this.promise(live.length === 1, `${live.length} generations are live`);
      tell(`${state}; generation ${live.join(", ")} is live`);
    }
    killer.stop();
    const { complaints, answers } = await client.stop();
    tell(`${answers} answers to a client meanwhile`);
    for (const complaint of complaints) this.promise(false, complaint);
  }

  private killDriversNowAndThen() {
    const EVERY_MS = 45_000;
    const timer = setInterval(() => {
      try {
        const killed = killDrivers(this.stack.stateDir);
        tell(`kill -9 of the driver: ${killed.map(({ pid }) => pid).join(", ")}`);
      } catch (error) {
        tell((error as Error).message);
      }
    }, EVERY_MS);
    return { stop: () => clearInterval(timer) };
  }

  /** The same request until it is answered: the control plane may be just dying. */
  private async ask(id: string, request: string): Promise<void> {
    await waitFor(
      async () => {
        await this.stack.rest.post(`/v1/replays/${id}/${request}`);
        return true;
      },
      { timeout: 60_000, what: `${request} to be taken`, signal: this.signal },
    );
  }

  private async watched(id: string, state: string, lag: { worst: number }): Promise<ReplayStatus> {
    let over = false;
    const look = (async () => {
      while (!over) {
        const seen = await this.stack.rest.get<ReplayStatus>(`/v1/replays/${id}`).catch(() => null);
        const isReading = ["running", "caught_up", "diffing", "diffed"].includes(seen?.state ?? "");
        if (isReading) lag.worst = Math.max(lag.worst, seen?.live.lagSeconds ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    })();
    try {
      return await replayIs(this.stack, id, state, this.options.timeoutMs);
    } finally {
      over = true;
      await look;
    }
  }

  private async caughtUp(jobs: string[]): Promise<void> {
    const wait = { timeout: this.options.timeoutMs, signal: this.signal };
    await jobsCaughtUp(this.stack, jobs, this.options.backlog, wait, () => undefined);
  }

  /** While events flow the oracle is always ahead: the end can be compared. */
  private async exact(): Promise<void> {
    await this.caughtUp(this.jobs);
    const { topics, parameters } = this.manifest;
    const found = await waitFor<true>(
      async () => {
        const differing = await differences(this.stack, topics.events.name, parameters);
        return differing.length === 0 || { pending: differing.slice(0, 3) };
      },
      { timeout: 60_000, interval: 2_000, what: "every figure to be the oracle's", signal: this.signal },
    ).then(
      () => null,
      (error: Error) => error.message,
    );
    this.promise(found === null, String(found));
    if (found === null) tell("Every window and every count is exactly the oracle's.");
  }
}

async function main(): Promise<number> {
  const options = readReplayTestOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
  tell(`Seed ${options.seed}`);
  const stackOptions = { name: "replay", manifest: MANIFEST, failpoints: FAILPOINT_FOLDER };
  const { broken } = await withStack(stackOptions, async (stack, signal) => {
    const found = await new Trial(stack, manifest, options, signal).run();
    return { failed: found.length > 0, keep: options.keep, broken: found };
  });
  tell(broken.length === 0 ? "All promises were kept." : `${broken.length} promises were broken.`);
  return broken.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = error as Error;
  const isUsers = failure instanceof UsageError;
  console.error(isUsers ? failure.message : `The replay test failed: ${failure.message}`);
  process.exitCode = isUsers ? 2 : 1;
}
