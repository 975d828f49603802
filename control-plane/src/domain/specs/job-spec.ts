import { formatDuration } from "../duration.ts";
import type { StrictReader } from "../strict-reader.ts";

/** When a failed job is started again, and when that is given up. */
export interface RestartPolicy {
  /** failures within `withinMs` after which the job stays FAILED */
  maxFailures: number;
  withinMs: number;
  backoffMs: number;
  maxBackoffMs: number;
}

/** The kind of the jobs that judge records. */
export const JUDGES = "silver";

/** A job as declared; durations in milliseconds. */
export interface JobSpec {
  kind: string;
  /** name of an application, or {@link DEDICATED} */
  application: string;
  /** time between the starts of two batches; 0: one after the other */
  triggerMs: number;
  /** what one batch takes in at most */
  limits: Record<string, number>;
  /** further options of its source */
  options: Record<string, number>;
  reads: string[];
  writes: string[];
  restart: RestartPolicy;
  /** how long a drain may take before the batch is interrupted, when a request does not say */
  drainTimeoutMs: number;
}

/** A job spec as people write it, in manifests and requests: durations as text. */
export interface JobSpecText {
  kind: string;
  application: string;
  trigger: string;
  limits: Record<string, number>;
  options: Record<string, number>;
  reads: string[];
  writes: string[];
  restart: { maxFailures: number; within: string; backoff: string; maxBackoff: string };
  drainTimeout: string;
}

/** As a job's `application`: one of its own, named after the job. */
export const DEDICATED = "dedicated";

/** For jobs that declare none, and for applications. */
export const DEFAULT_RESTART: RestartPolicy = {
  maxFailures: 5,
  withinMs: 600_000,
  backoffMs: 1_000,
  maxBackoffMs: 60_000,
};
export const DEFAULT_DRAIN_TIMEOUT_MS = 30_000;

const HOUR_MS = 3_600_000;
const MOST = { triggerMs: HOUR_MS, drainTimeoutMs: HOUR_MS, restartMs: 7 * 24 * HOUR_MS, failures: 50 };
const NAME = /^[a-z][a-z0-9_-]*$/;

interface Source {
  name: string;
  limits: string[];
  /** tuning only: what decides which records are read is the pipeline's, and checkpoints depend on it */
  options: string[];
}

const KAFKA: Source = {
  name: "Kafka",
  limits: ["maxOffsetsPerTrigger"],
  options: [
    "minPartitions",
    "fetchOffset.numRetries",
    "fetchOffset.retryIntervalMs",
    "kafkaConsumer.pollTimeoutMs",
    "kafka.fetch.max.wait.ms",
    "kafka.fetch.min.bytes",
    "kafka.fetch.max.bytes",
    "kafka.max.partition.fetch.bytes",
    "kafka.receive.buffer.bytes",
    "kafka.request.timeout.ms",
  ],
};
const DELTA: Source = { name: "Delta tables", limits: ["maxFilesPerTrigger", "maxBytesPerTrigger"], options: [] };

/** Reads the fields of a job spec; what is wrong becomes complaints of the reader. */
export function readJobSpec(entry: StrictReader): JobSpec {
  const reads = entry.texts("reads");
  // What reads no table reads the topic.
  const source = reads.length === 0 ? KAFKA : DELTA;
  return {
    kind: entry.text("kind", NAME, "the name of a kind of job"),
    application: entry.text("application"),
    triggerMs: entry.duration("trigger", 0, MOST.triggerMs),
    limits: readNumbers(entry, "limits", source.limits, `limit of a job that reads ${source.name}`),
    options: readNumbers(entry, "options", source.options, `option of a job that reads ${source.name}`),
    reads,
    writes: entry.texts("writes"),
    restart: entry.has("restart") ? readRestart(entry.map("restart")) : DEFAULT_RESTART,
    drainTimeoutMs: entry.has("drainTimeout")
      ? entry.duration("drainTimeout", 1, MOST.drainTimeoutMs)
      : DEFAULT_DRAIN_TIMEOUT_MS,
  };
}

function readNumbers(entry: StrictReader, key: string, known: string[], what: string): Record<string, number> {
  if (!entry.has(key)) return {};
  const map = entry.map(key);
  const numbers = map.keys().map((name) => [name, map.wholeNumber(name, 1)] as const);
  for (const name of map.keys().filter((candidate) => !known.includes(candidate))) {
    map.complain(name, undefined, `no such ${what}; known here: ${known.join(", ") || "none"}`);
  }
  return Object.fromEntries(numbers);
}

function readRestart(map: StrictReader): RestartPolicy {
  const policy = {
    maxFailures: map.wholeNumber("maxFailures", 1, MOST.failures),
    withinMs: map.duration("within", 1, MOST.restartMs),
    backoffMs: map.duration("backoff", 1, MOST.restartMs),
    maxBackoffMs: map.duration("maxBackoff", 1, MOST.restartMs),
  };
  map.refuseUnknownKeys();
  if (policy.maxBackoffMs < policy.backoffMs) {
    map.complain("maxBackoff", formatDuration(policy.maxBackoffMs), "at least backoff");
  }
  return policy;
}

/** The opposite of {@link readJobSpec}. */
export function writeJobSpec(spec: JobSpec): JobSpecText {
  const { triggerMs, drainTimeoutMs, restart, ...same } = spec;
  return {
    kind: same.kind,
    application: same.application,
    trigger: formatDuration(triggerMs),
    limits: same.limits,
    options: same.options,
    reads: same.reads,
    writes: same.writes,
    restart: {
      maxFailures: restart.maxFailures,
      within: formatDuration(restart.withinMs),
      backoff: formatDuration(restart.backoffMs),
      maxBackoff: formatDuration(restart.maxBackoffMs),
    },
    drainTimeout: formatDuration(drainTimeoutMs),
  };
}

/** Name of the application that hosts a job of this spec. */
export function applicationOf(job: string, { application }: Pick<JobSpec, "application">): string {
  return application === DEDICATED ? job : application;
}
