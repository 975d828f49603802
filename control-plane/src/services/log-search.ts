import { Problem } from "../domain/problem.ts";
import type { JobReader } from "./jobs.ts";
import type { LogFile, LogOwner, WorkerLogs } from "./logs.ts";
import type { LaunchStore, RunStore } from "./ports.ts";
import type { JobRow, LaunchRow } from "./rows.ts";
import type { ClusterView, SparkMaster, WorkerView } from "./spark-master.ts";

export interface LogQuery {
  job: string;
  source: "driver" | "executor";
  stream: "stderr" | "stdout";
  /** undefined for the newest one of the job's application */
  launch: string | undefined;
  /** undefined for the newest one that runs */
  executor: string | undefined;
}

export interface ExecutorView {
  id: string;
  worker: string;
  running: boolean;
}

/** A log, and the worker that has it. */
export interface FoundLog {
  launch: LaunchRow;
  worker: WorkerView;
  file: LogFile;
  executor: string | null;
  /** only when an executor's log was asked for */
  executors: ExecutorView[];
}

const RUNS = 500;

/** Finds the worker that has a log: Spark keeps each beside the process that wrote it. */
export class LogSearch {
  private readonly deps: {
    jobs: JobReader;
    runs: RunStore;
    launches: LaunchStore;
    master: SparkMaster;
    workers: WorkerLogs;
  };

  constructor(deps: LogSearch["deps"]) {
    this.deps = deps;
  }

  /** @throws Problem `unknown_job`, `unknown_launch`, `log_gone`, `dependency_unavailable` */
  async find(query: LogQuery): Promise<FoundLog> {
    const job = await this.deps.jobs.find(query.job);
    const launch = await this.launch(job, query.launch);
    const cluster = await this.deps.master.cluster();
    const alive = cluster.workers.filter(({ state }) => state === "ALIVE");
    return query.source === "driver" ? this.driver(launch, query, cluster, alive) : this.executor(launch, query, alive);
  }

  private async driver(launch: LaunchRow, query: LogQuery, cluster: ClusterView, alive: WorkerView[]) {
    const driverId = launch.submissionId ?? launch.driverId;
    if (driverId === null)
      throw gone(`Launch ${launch.id} was never taken by the Spark master, so no driver ran.`, query.job);
    const at = cluster.drivers.find(({ id }) => id === driverId)?.worker;
    const worker = await this.holder(
      { driverId },
      query.stream,
      first(alive, ({ id }) => id === at),
    );
    if (worker === null) throw gone(`No worker has the logs of driver ${driverId} any more.`, query.job);
    return { launch, worker, file: { owner: { driverId }, stream: query.stream }, executor: null, executors: [] };
  }

  private async executor(launch: LaunchRow, query: LogQuery, alive: WorkerView[]) {
    const appId = launch.sparkAppId;
    if (appId === null) throw gone(`Launch ${launch.id} has no Spark application yet, so no executor ran.`, query.job);
    const executors = await this.executors(appId, alive);
    const newest = executors.findLast(({ running }) => running) ?? executors.at(-1);
    const id = query.executor ?? newest?.id ?? "0";
    const at = executors.find((known) => known.id === id)?.worker;
    const owner = { appId, executorId: id };
    const worker = await this.holder(
      owner,
      query.stream,
      first(alive, (one) => one.id === at),
    );
    if (worker === null) {
      const known = executors.length === 0 ? "none" : executors.map((each) => each.id).join(", ");
      throw gone(`No worker has the logs of executor ${id} of ${appId}; executors it knows of: ${known}.`, query.job);
    }
    return { launch, worker, file: { owner, stream: query.stream }, executor: id, executors };
  }

  private async executors(application: string, alive: WorkerView[]): Promise<ExecutorView[]> {
    const lists = await Promise.all(
      alive.map(async (worker) => {
        const executors = await this.deps.workers.executors(worker.uiUrl, application);
        return executors.map((executor) => ({ ...executor, worker: worker.id }));
      }),
    );
    return lists.flat().sort((a, b) => Number(a.id) - Number(b.id));
  }

  /** The first of the workers that has the log. */
  private async holder(owner: LogOwner, stream: LogFile["stream"], workers: WorkerView[]): Promise<WorkerView | null> {
    for (const worker of workers) {
      const part = await this.deps.workers.read(worker.uiUrl, { owner, stream }, { byteLength: 1 });
      if (part !== null) return worker;
    }
    return null;
  }

  private async launch(job: JobRow, id: string | undefined): Promise<LaunchRow> {
    const recent = await this.deps.launches.recent(job.application, 10);
    if (id === undefined) {
      if (recent[0] !== undefined) return recent[0];
      throw gone(`Application ${job.application} has never been submitted.`, job.id);
    }
    const launch = recent.find((known) => known.id === id) ?? (await this.deps.launches.find(id));
    const isJobs = async () => (await this.deps.runs.list(job.id, RUNS, null)).some((run) => run.launch === id);
    if (launch !== null && (launch.application === job.application || (await isJobs()))) return launch;
    throw new Problem({
      status: 404,
      code: "unknown_launch",
      title: "No such launch",
      detail: `${job.id} never ran in a launch ${id}.`,
      next: `The newest launches of ${job.application}: ${recent.map((known) => known.id).join(", ") || "none yet"}.`,
    });
  }
}

/** Those that are likely before the others. */
function first<T>(items: T[], likely: (item: T) => boolean): T[] {
  return [...items.filter(likely), ...items.filter((item) => !likely(item))];
}

function gone(detail: string, job: string): Problem {
  return new Problem({
    status: 404,
    code: "log_gone",
    title: "There is no such log",
    detail,
    next: `Workers remove the folders of what has ended after two days. GET /v1/jobs/${job}/runs has the exception of each run; GET /v1/applications lists the launches.`,
  });
}
