import type { PartitionLag } from "../domain/lag.ts";
import type { JobState } from "../domain/lifecycle/job.ts";
import type { LaunchPhase } from "../domain/lifecycle/launch.ts";
import type { AlertSummary, Alerts } from "./alerts.ts";
import type { CatalogStore, EventStore } from "./ports.ts";
import type { Positions } from "./positions.ts";
import type { PublicationRow } from "./publications/ports.ts";
import type { Reconciler } from "./reconcile/reconciler.ts";
import type { JobRow } from "./rows.ts";

/** What has been counted since the database was made; it survives restarts of the control plane. */
export interface Totals {
  batches: { job: string; batches: number; rows: number }[];
  outcomes: { job: string; outcome: string; rows: number }[];
  /** runs that were followed by another one, by what had ended them */
  restarts: { job: string; cause: string; count: number }[];
  operations: { kind: string; result: string; count: number }[];
}

export interface JobVitals {
  job: string;
  state: JobState;
  epoch: number;
  /** null while it cannot be told */
  lag: PartitionLag[] | null;
  /** as of its newest batch, by operator */
  operators: Map<string, { rows: number; memoryBytes: number }>;
}

/** Everything that metrics are made of, at one moment; what cannot be told is missing. */
export interface Vitals {
  up: { postgres: boolean; kafka: boolean };
  jobs: JobVitals[];
  applications: { application: string; phase: LaunchPhase }[];
  totals: Totals | null;
  alerts: AlertSummary | null;
  publications: PublicationRow[];
}

export interface VitalsDeps {
  catalog: CatalogStore;
  events: EventStore;
  positions: Positions;
  reconciler: Reconciler;
  totals: () => Promise<Totals>;
  alerts: Alerts;
  publications: () => Promise<PublicationRow[]>;
}

/** A frozen Postgres keeps its connections and answers nothing. */
const LIMIT_MS = 4_000;

/** Reads the vitals; a few queries to Postgres, none to Kafka or Spark. */
export async function readVitals(deps: VitalsDeps): Promise<Vitals> {
  const kafka = deps.positions.isCurrent();
  try {
    const read = Promise.all([readJobs(deps), deps.totals(), deps.alerts.summary(), deps.publications()]);
    const [{ jobs, applications }, totals, alerts, publications] = await inTime(read);
    return { up: { postgres: true, kafka }, jobs, applications, totals, alerts, publications };
  } catch {
    return { up: { postgres: false, kafka }, jobs: [], applications: [], totals: null, alerts: null, publications: [] };
  }
}

async function readJobs({ catalog, events, positions, reconciler }: VitalsDeps) {
  const [rows, applications, placementOf] = await Promise.all([
    catalog.jobs(),
    catalog.applications(),
    positions.placements(),
  ]);
  const jobs = rows.map(async (job: JobRow): Promise<JobVitals> => {
    const [lag, progress] = await Promise.all([
      positions.currentLag(job, placementOf(job)),
      events.newestProgress(job.id),
    ]);
    return { job: job.id, state: job.state, epoch: job.epoch, lag, operators: operatorsOf(progress?.data) };
  });
  return {
    jobs: await Promise.all(jobs),
    applications: applications.flatMap(({ name }) => {
      const phase = reconciler.view(name)?.decision.phase;
      return phase === undefined ? [] : [{ application: name, phase }];
    }),
  };
}

function operatorsOf(progress: Record<string, unknown> | undefined): JobVitals["operators"] {
  const operators: JobVitals["operators"] = new Map();
  const told = (progress?.stateOperators ?? []) as Record<string, unknown>[];
  for (const { operatorName, numRowsTotal, memoryUsedBytes } of told) {
    const sum = operators.get(String(operatorName)) ?? { rows: 0, memoryBytes: 0 };
    operators.set(String(operatorName), {
      rows: sum.rows + Number(numRowsTotal ?? 0),
      memoryBytes: sum.memoryBytes + Number(memoryUsedBytes ?? 0),
    });
  }
  return operators;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
