import { type ApplicationSpec, LEAST_MEMORY_MB, memoryMb } from "./application-spec.ts";

const FALLBACK: ApplicationSpec = {
  cores: 1,
  driverMemory: "600m",
  executorMemory: "600m",
  shufflePartitions: 2,
  settings: {},
};
/** One job plans less and keeps less than several; a guess on the safe side of what Spark starts with. */
const SHARE = 0.75;

/** The sizes that a job's own application begins with; they can be changed like any other's. */
export function dedicatedSpec(shared: ApplicationSpec | undefined): ApplicationSpec {
  if (shared === undefined) return FALLBACK;
  return {
    ...shared,
    cores: 1,
    driverMemory: scaled(shared.driverMemory),
    executorMemory: scaled(shared.executorMemory),
  };
}

/** The sizes of a shadow's own application: those of the job's own where it has one, for it does the same work. */
export function shadowsOwnSpec(
  application: { spec: ApplicationSpec; dedicated: boolean } | undefined,
): ApplicationSpec {
  return application?.dedicated ? application.spec : dedicatedSpec(application?.spec);
}

function scaled(memory: string): string {
  return `${Math.max(LEAST_MEMORY_MB, Math.round(memoryMb(memory) * SHARE))}m`;
}
