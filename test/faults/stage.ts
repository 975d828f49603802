import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FailpointName } from "../../control-plane/src/services/failpoint.ts";
import { type StackProcess, stackProcesses } from "../../infra/local/src/leftovers.ts";
import { signal } from "../../infra/local/src/processes.ts";
import { stateFolder } from "../../infra/local/src/state-folder.ts";
import { askService, type ServiceAction } from "../../infra/local/src/supervisor-client.ts";
import { allLaunches, type Launch } from "../stack/launches.ts";
import type { JobStatus } from "../stack/resources.ts";
import { driverProcesses } from "../stack/spark-driver.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";

export const FAILPOINT_FOLDER = "failpoints";

interface Operation {
  id: string;
  state: string;
  steps: { step: string; at: string }[];
}

/** What a fault can do to the stack that it happens on. */
export class Stage {
  readonly stack: Stack;
  readonly jobs: readonly string[];
  readonly tell: (line: string) => void;
  private readonly signal: AbortSignal;

  constructor(stack: Stack, jobs: readonly string[], tell: (line: string) => void, signal: AbortSignal) {
    this.stack = stack;
    this.jobs = jobs;
    this.tell = tell;
    this.signal = signal;
  }

  /** Processes of one service, without what it started for others: drivers and executors are not the worker. */
  service(name: string): StackProcess[] {
    const all = stackProcesses(this.stack.stateDir).filter(({ service }) => service === name);
    if (name !== "spark-worker") return all;
    return all.filter(({ command }) => command.includes("org.apache.spark.deploy.worker.Worker "));
  }

  drivers(): StackProcess[] {
    return driverProcesses(this.stack.stateDir);
  }

  executors(): StackProcess[] {
    return stackProcesses(this.stack.stateDir).filter(({ command }) =>
      command.includes("org.apache.spark.executor.CoarseGrainedExecutorBackend"),
    );
  }

  /** @throws when there is nothing to send it to */
  send(name: NodeJS.Signals, processes: StackProcess[]): void {
    if (processes.length === 0) throw new Error(`There is no process to send ${name} to.`);
    for (const process of processes) signal(process, name);
  }

  /** Asks the supervisor. */
  async ask(service: string, action: ServiceAction): Promise<void> {
    await askService(stateFolder(this.stack.stateDir).socket, service, action);
  }

  /** The control plane dies when it next comes to this place. */
  arm(name: FailpointName): void {
    const folder = join(this.stack.stateDir, FAILPOINT_FOLDER);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), "");
  }

  /** True until it has come there. */
  isArmed(name: FailpointName): boolean {
    return existsSync(join(this.stack.stateDir, FAILPOINT_FOLDER, name));
  }

  async job(id: string): Promise<JobStatus> {
    return await this.stack.rest.get<JobStatus>(`/v1/jobs/${id}`);
  }

  async epochs(): Promise<Record<string, number>> {
    const { items } = await this.stack.rest.get<{ items: JobStatus[] }>("/v1/jobs");
    return Object.fromEntries(items.map(({ id, epoch }) => [id, epoch]));
  }

  /** Every submission of every application, newest first. */
  async launches(): Promise<Launch[]> {
    return await allLaunches(this.stack.rest);
  }

  /** Asks for something, also when the control plane is just then dying: the same request until it is answered. */
  async request(
    job: string,
    action: "start" | "stop" | "restart",
    body: object = {},
    key = `fault-${process.pid}-${performance.now()}`,
  ): Promise<Operation> {
    return await waitFor<Operation>(
      async () =>
        await this.stack.rest.post<Operation>(`/v1/jobs/${job}/${action}`, {}, body, { "idempotency-key": key }),
      { timeout: 60_000, what: `${action} of ${job} to be taken`, signal: this.signal },
    );
  }

  /** Waits until an operation has succeeded. @throws when it ends otherwise */
  async done({ id }: Operation, timeout = 120_000): Promise<Operation> {
    const ended = await waitFor<Operation>(
      async () => {
        const operation = await this.stack.rest.get<Operation>(`/v1/operations/${id}`);
        return operation.state === "running" ? { pending: operation.steps.at(-1)?.step } : operation;
      },
      { timeout, what: `operation ${id}`, interval: 100, signal: this.signal },
    );
    if (ended.state !== "succeeded") {
      throw new Error(`Operation ${id} ended as ${ended.state}: ${ended.steps.at(-1)?.step}`);
    }
    return ended;
  }

  async until<T>(what: string, look: () => Promise<T | { pending: unknown }>, timeout = 120_000): Promise<T> {
    return await waitFor(look, { timeout, what, signal: this.signal });
  }

  /** The fault itself takes time: nothing is waited for here. */
  async lasts(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }
}
