import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { commandOf, environmentOf } from "../../infra/local/src/processes.ts";
import type { JobStatus } from "../stack/resources.ts";
import { driverProcesses } from "../stack/spark-driver.ts";
import type { Stack } from "../stack/stack.ts";
import { Lies } from "./lies.ts";

/** What the API said from some moment on, as people read it. */
export interface TimelineEntry {
  /** seconds since the fault began */
  at: number;
  text: string;
}

/** Where a job's work shows: folders of the first table that it writes, and of what it reads. */
export interface Traces {
  writes: string;
  reads: { table: string } | { topic: string };
}

const LOOK_EVERY_MS = 500;
const ANSWER_WITHIN_MS = 5_000;

/** Watches a stack during a fault: what the API says, and what is true of the processes and the tables meanwhile. */
export class Observer {
  readonly timeline: TimelineEntry[] = [];
  readonly lies = new Lies();
  /** launches of one application of which drivers lived at the same time */
  readonly doubles: string[] = [];
  private readonly stack: Stack;
  private readonly traces: Record<string, Traces>;
  private readonly startedAt = performance.now();
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();

  /** @param traces of each job */
  constructor(stack: Stack, traces: Record<string, Traces>) {
    this.stack = stack;
    this.traces = traces;
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
    const drivers = driverProcesses(this.stack.stateDir).map(({ pid }) => pid);
    this.noteDoubles(drivers);
    const working = workingApplications(drivers);
    const marks = (mark: (traces: Traces) => string) =>
      Object.fromEntries(Object.entries(this.traces).map(([job, traces]) => [job, mark(traces)]));
    const written = marks(({ writes }) => newestCommit(writes));
    const readable = marks(({ reads }) => ("table" in reads ? newestCommit(reads.table) : topicSize(reads.topic)));
    const jobs = await this.ask();
    const at = this.seconds();
    const text = jobs === null ? "no answer" : summarise(jobs);
    if (this.timeline.at(-1)?.text !== text) this.timeline.push({ at, text });
    this.lies.judge({ at, jobs, working, written, readable });
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

/** An application works while its driver lives and nothing of it is frozen. */
function workingApplications(drivers: number[]): Set<string> {
  const applications = Map.groupBy(drivers, applicationOf);
  return new Set([...applications].filter(([, pids]) => !pids.some(isFrozen)).map(([name]) => name));
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

/** How much the broker has written of a topic, whose partitions' folders begin with `prefix`. */
function topicSize(prefix: string): string {
  try {
    const folders = readdirSync(dirname(prefix)).filter((name) => name.startsWith(`${basename(prefix)}-`));
    const files = folders.flatMap((name) => {
      const folder = join(dirname(prefix), name);
      return readdirSync(folder)
        .filter((file) => file.endsWith(".log"))
        .map((file) => `${name}/${file}:${statSync(join(folder, file)).size}`);
    });
    return files.sort().join(" ");
  } catch {
    return "";
  }
}
