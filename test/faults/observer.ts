import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { commandOf, environmentOf } from "../../infra/local/src/processes.ts";
import type { JobStatus } from "../stack/resources.ts";
import { driverProcesses } from "../stack/spark-driver.ts";
import type { Stack } from "../stack/stack.ts";

/** What the API said from some moment on, as people read it. */
export interface TimelineEntry {
  /** seconds since the fault began */
  at: number;
  text: string;
}

const LOOK_EVERY_MS = 500;
const ANSWER_WITHIN_MS = 5_000;

/** Watches a stack during a fault: what the API says, and what is true of the processes and the tables meanwhile. */
export class Observer {
  readonly timeline: TimelineEntry[] = [];
  /** the longest time, in seconds, for which the API said something that was not so, and what */
  longestLie: { seconds: number; what: string } = { seconds: 0, what: "" };
  /** launches of one application of which drivers lived at the same time */
  readonly doubles: string[] = [];
  private readonly stack: Stack;
  private readonly tables: Record<string, string>;
  private readonly startedAt = performance.now();
  private readonly lyingSince = new Map<string, number>();
  private readonly stoppedAt = new Map<string, { since: number; version: string }>();
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();

  /** @param tables of each job, the folder of the first table that it writes */
  constructor(stack: Stack, tables: Record<string, string>) {
    this.stack = stack;
    this.tables = tables;
    this.schedule();
  }

  /** Seconds since the fault began. */
  seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.looking;
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.looking = this.look().finally(() => {
        if (this.timer !== null) this.schedule();
      });
    }, LOOK_EVERY_MS);
  }

  private async look(): Promise<void> {
    const living = driverProcesses(this.stack.stateDir);
    this.noteDoubles(living.map(({ pid }) => pid));
    const truth = { driver: living.length > 0 && !living.some(({ pid }) => isFrozen(pid)) };
    const jobs = await this.ask();
    const at = this.seconds();
    const text = jobs === null ? "no answer" : summarise(jobs);
    if (this.timeline.at(-1)?.text !== text) this.timeline.push({ at, text });
    for (const job of jobs ?? []) {
      this.judge(
        `${job.id} is said to be RUNNING without a driver that works`,
        job.state === "RUNNING" && !truth.driver,
      );
      this.judge(`${job.id} is said to be STOPPED and writes`, job.state === "STOPPED" && this.writes(job.id));
      if (job.state !== "STOPPED") this.stoppedAt.delete(job.id);
    }
    // Who says nothing does not lie.
    if (jobs === null) this.lyingSince.clear();
  }

  private judge(what: string, isLie: boolean): void {
    if (!isLie) {
      this.lyingSince.delete(what);
      return;
    }
    const since = this.lyingSince.get(what) ?? performance.now();
    this.lyingSince.set(what, since);
    const seconds = (performance.now() - since) / 1000;
    if (seconds > this.longestLie.seconds) this.longestLie = { seconds, what };
  }

  private writes(job: string): boolean {
    const version = newestCommit(this.tables[job] ?? "");
    const before = this.stoppedAt.get(job);
    this.stoppedAt.set(job, { since: before?.since ?? performance.now(), version });
    return before !== undefined && before.version !== version;
  }

  private noteDoubles(pids: number[]): void {
    const launches = new Map<string, Set<string>>();
    for (const pid of pids) {
      const launch = environmentOf(pid).get("PENSTOCK_LAUNCH_ID");
      const application = applicationOf(pid);
      if (launch === undefined || isFrozen(pid)) continue;
      launches.set(application, (launches.get(application) ?? new Set()).add(launch));
    }
    for (const [application, ids] of launches) {
      const text = `${application}: ${[...ids].sort().join(" and ")}`;
      if (ids.size > 1 && !this.doubles.includes(text)) this.doubles.push(text);
    }
  }

  private async ask(): Promise<JobStatus[] | null> {
    try {
      const response = await fetch(`${this.stack.url}/v1/jobs`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      return response.ok ? ((await response.json()) as { items: JobStatus[] }).items : null;
    } catch {
      return null;
    }
  }
}

/** Jobs in one state are counted, and the first of them says why. */
function summarise(jobs: JobStatus[]): string {
  const byState = Map.groupBy(jobs, ({ state }) => state);
  return [...byState]
    .map(([state, those]) => {
      const names = those.length === jobs.length ? "all" : those.map(({ id }) => id.split(".").at(-1)).join(", ");
      return `${names} ${state}`;
    })
    .join("; ");
}

/** Both the driver's JVM and its Python have it on their command lines. */
function applicationOf(pid: number): string {
  return / --application (\S+)/.exec(commandOf(pid))?.[1] ?? "unknown";
}

/** True for a process that has been stopped (SIGSTOP). */
function isFrozen(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  } catch {
    return false;
  }
}

function newestCommit(table: string): string {
  try {
    const log = join(table, "_delta_log");
    const newest = readdirSync(log)
      .filter((name) => /^\d{20}\.json$/.test(name))
      .sort()
      .at(-1);
    return newest === undefined ? "" : `${newest}@${statSync(join(log, newest)).mtimeMs}`;
  } catch {
    return "";
  }
}
