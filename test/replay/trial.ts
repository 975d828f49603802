import type { Manifest } from "../../control-plane/src/domain/manifest.ts";
import { Stage } from "../faults/stage.ts";
import { type Producing, startProducer } from "../smoke/produce.ts";
import { jobsCaughtUp, jobsRunning } from "../smoke/progress.ts";
import { differences } from "../stack/exact.ts";
import { type ReplayStatus, replayIs } from "../stack/replays.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";
import { WindowClient } from "../stack/window-client.ts";
import { ReplayKills } from "./kills.ts";
import type { ReplayTestOptions } from "./options.ts";

/** The lag that the live jobs are allowed, and what may come on top while a batch of a shadow is under way. */
const BOUND_S = 30;
const SLACK_S = 60;
/** Enough for every batch to hold something; recovery is what is tried, not throughput. */
const RATE_UNDER_KILLS = 200;

/** One run on one stack. */
export class Trial {
  private readonly stack: Stack;
  private readonly manifest: Manifest;
  private readonly options: ReplayTestOptions;
  private readonly tell: (line: string) => void;
  private readonly signal: AbortSignal;
  private readonly stage: Stage;
  private readonly broken: string[] = [];
  private seed: number;

  constructor(
    stack: Stack,
    manifest: Manifest,
    options: ReplayTestOptions,
    tell: (line: string) => void,
    signal: AbortSignal,
  ) {
    this.stack = stack;
    this.manifest = manifest;
    this.options = options;
    this.tell = tell;
    this.signal = signal;
    this.stage = new Stage(stack, this.jobs, tell, signal);
    this.seed = options.seed;
  }

  /** @returns what was promised and not kept, as sentences */
  async run(): Promise<string[]> {
    const { stack, options, signal } = this;
    await jobsRunning(stack, this.jobs, options.timeoutMs, signal);
    const catchUp = await this.liveCatchUp();
    await this.whileEventsCome(options.rate, () => this.fromTheBeginning(catchUp));
    if (options.kills) await this.whileEventsCome(RATE_UNDER_KILLS, () => this.underKills());
    await this.exact();
    return this.broken;
  }

  private async whileEventsCome(rate: number, act: () => Promise<void>): Promise<void> {
    const flow = this.produce(10_000_000, rate);
    try {
      await act();
    } finally {
      this.tell(`${await flow.stop()} events were sent meanwhile, ${rate} a second`);
    }
  }

  private async underKills(): Promise<void> {
    const { stack, stage, options, signal } = this;
    const client = new WindowClient(stack, { forgives: true, pauseMs: 100, signal });
    const wait = { timeout: options.timeoutMs, signal };
    await new ReplayKills(stage, wait, (kept, otherwise) => this.promise(kept, otherwise)).run();
    const { complaints, answers } = await client.stop();
    this.tell(`${answers} answers to a client meanwhile`);
    for (const complaint of complaints) this.promise(false, complaint);
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
    this.tell(`BROKEN: ${otherwise}`);
    this.broken.push(otherwise);
  }

  /** Lets silver and what reads it catch up with a backlog. @returns records a second */
  private async liveCatchUp(): Promise<number> {
    const { stack, options, stage } = this;
    for (const job of ["sales.silver", "sales.gold", "sales.dq"]) await stage.done(await stage.request(job, "stop"));
    this.tell(await this.produce(options.backlog).ended);
    await this.caughtUp(["sales.bronze"]);
    const from = Date.now();
    for (const job of ["sales.silver", "sales.gold", "sales.dq"]) await stage.request(job, "start");
    await this.caughtUp(this.jobs);
    const rate = options.backlog / ((Date.now() - from) / 1_000);
    this.tell(`The live jobs caught up with ${options.backlog} records at ${Math.round(rate)} records/s`);
    await jobsRunning(stack, this.jobs, options.timeoutMs, this.signal);
    return rate;
  }

  private async fromTheBeginning(catchUp: number): Promise<void> {
    const { stack, options } = this;
    const client = new WindowClient(stack, { pauseMs: 20, signal: this.signal });
    const gates = { maxWindowsChanged: 0, maxRecordsChanged: 0 };
    const begun = await stack.rest.post<ReplayStatus>(
      "/v1/replays",
      {},
      { job: "sales.silver", gates, liveLagBound: `${BOUND_S}s` },
    );
    const from = Date.now();
    const lag = { worst: 0 };
    const diffed = await this.watched(begun.id, "diffed", lag);
    const caughtUpAt = Date.parse(diffed.steps.find(({ step }) => step === "caught_up")?.at ?? "");
    // It has read the backlog, and what came while it did.
    const rate = options.backlog / ((caughtUpAt - from) / 1_000) + options.rate;
    this.tell(
      `The replay caught up at ${Math.round(rate)} records/s beside ${options.rate} events/s: ${(rate / catchUp).toFixed(2)} of the live catch-up; live lag at most ${lag.worst} s`,
    );
    this.promise(lag.worst <= BOUND_S + SLACK_S, `live lag was ${lag.worst} s, the bound is ${BOUND_S} s`);
    const failing = diffed.gates?.filter(({ passed }) => !passed) ?? [];
    this.promise(failing.length === 0, `the diff is not empty: ${JSON.stringify(failing)}`);
    await stack.rest.post(`/v1/replays/${begun.id}/promote`);
    await this.watched(begun.id, "promoted", lag);
    const { answers, generations, complaints } = await client.stop();
    this.tell(`Promoted; ${answers} answers to a client meanwhile, of the generations ${[...generations].join(", ")}`);
    for (const complaint of complaints) this.promise(false, complaint);
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
      return await replayIs(this.stack, id, state, this.options.timeoutMs, this.signal);
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
    if (found === null) this.tell("Every window and every count is exactly the oracle's.");
  }
}
