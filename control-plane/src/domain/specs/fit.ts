import { type ApplicationSpec, memoryMb } from "./application-spec.ts";

/** What a live worker has in all, used or not. */
export interface WorkerSize {
  cores: number;
  memoryMb: number;
}

/** An application with the size that it asks for. */
export interface Demand {
  application: string;
  spec: ApplicationSpec;
}

const DRIVER_CORES = 1;

/**
 * Whether a cluster has room for an application: beside the others that want to run, and at all.
 * On a standalone cluster an application's driver takes one core and its memory on one worker, and on each worker where
 * there is room one executor takes its memory (nothing on top) and as many cores as are left of what is asked for.
 * @returns what is missing, as a sentence with the figures; null when it fits
 */
export function shortageOf(asked: Demand, others: Demand[], workers: WorkerSize[]): string | null {
  if (workers.length === 0) return "the cluster has no live worker";
  return shortageAlone(asked.spec, workers) ?? shortageTogether(asked, others, workers);
}

function shortageAlone(spec: ApplicationSpec, workers: WorkerSize[]): string | null {
  const [driver, executor] = [memoryMb(spec.driverMemory), memoryMb(spec.executorMemory)];
  const places = workers.flatMap((worker, at) =>
    worker.cores >= DRIVER_CORES && worker.memoryMb >= driver ? [at] : [],
  );
  if (places.length === 0)
    return `its driver needs 1 core and ${driver} MB, and no worker is that large: ${sizes(workers)}`;
  const large = workers.filter((worker) => worker.memoryMb >= executor);
  if (large.length === 0) return `an executor needs ${executor} MB, and no worker is that large: ${sizes(workers)}`;
  const best = Math.max(...places.map((place) => coresBeside(place, driver, executor, workers)));
  if (best >= spec.cores) return null;
  return `its executors ask for ${spec.cores} cores and ${executor} MB each, and beside its driver (1 core, ${driver} MB) there is room for ${best} cores: ${sizes(workers)}`;
}

/** Cores that executors can have when the driver is on the worker at `place`. */
function coresBeside(place: number, driver: number, executor: number, workers: WorkerSize[]): number {
  const rest = workers.map((worker, at) =>
    at === place ? { cores: worker.cores - DRIVER_CORES, memoryMb: worker.memoryMb - driver } : worker,
  );
  return rest.reduce((sum, worker) => sum + (worker.memoryMb >= executor ? worker.cores : 0), 0);
}

function shortageTogether(asked: Demand, others: Demand[], workers: WorkerSize[]): string | null {
  const all = [asked, ...others].map(({ application, spec }) => ({
    application,
    cores: DRIVER_CORES + spec.cores,
    memoryMb: memoryMb(spec.driverMemory) + memoryMb(spec.executorMemory),
  }));
  const [need, have] = [total(all), total(workers)];
  if (need.cores <= have.cores && need.memoryMb <= have.memoryMb) return null;
  const parts = all.map(({ application, ...size }) => `${application} ${describe(size)}`);
  return `drivers and executors ask for ${describe(need)} together (${parts.join("; ")}), and the workers have ${describe(have)}`;
}

function total(parts: WorkerSize[]): WorkerSize {
  return parts.reduce((sum, part) => ({ cores: sum.cores + part.cores, memoryMb: sum.memoryMb + part.memoryMb }), {
    cores: 0,
    memoryMb: 0,
  });
}

function sizes(workers: WorkerSize[]): string {
  return `the ${workers.length === 1 ? "worker has" : "workers have"} ${workers.map(describe).join("; ")}`;
}

function describe({ cores, memoryMb: mb }: WorkerSize): string {
  return `${cores} ${cores === 1 ? "core" : "cores"} and ${mb} MB`;
}
