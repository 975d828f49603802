import type { DriverState } from "../../domain/lifecycle/launch.ts";
import type { Clock } from "../ports.ts";
import type { ApplicationRow, LaunchRow } from "../rows.ts";
import type { ClusterView, SparkMaster } from "../spark-master.ts";

const LOOK_AGAIN_MS = 2_000;
/** A driver without a worker, or an application without cores, is normal for this long. */
const PATIENCE_MS = 5_000;

/** Finds out whether an application waits for room on the cluster: Spark itself would hang without a word. */
export class ResourceWatch {
  private readonly master: SparkMaster;
  private readonly clock: Clock;
  private view: ClusterView | null = null;
  private viewedAt = 0;
  private readonly missingSince = new Map<string, number>();

  constructor(master: SparkMaster, clock: Clock) {
    this.master = master;
    this.clock = clock;
  }

  /** @param fresh true where an old view would be no evidence; null when the master does not answer */
  async cluster(fresh: boolean): Promise<ClusterView | null> {
    const now = this.clock.now().getTime();
    if (!fresh && now - this.viewedAt < LOOK_AGAIN_MS) return this.view;
    this.viewedAt = now;
    this.view = await this.master.cluster().catch(() => null);
    return this.view;
  }

  /** @returns what is missing, with figures; null when nothing is, or not for long enough */
  missing(
    application: ApplicationRow,
    launch: LaunchRow,
    driver: DriverState | null,
    cluster: ClusterView | null,
  ): string | null {
    const what = this.shortage(application, launch, driver, cluster);
    if (what === null) {
      this.missingSince.delete(launch.id);
      return null;
    }
    const now = this.clock.now().getTime();
    const since = this.missingSince.get(launch.id) ?? now;
    this.missingSince.set(launch.id, since);
    return now - since >= PATIENCE_MS ? what : null;
  }

  private shortage(
    application: ApplicationRow,
    launch: LaunchRow,
    driver: DriverState | null,
    cluster: ClusterView | null,
  ): string | null {
    if (cluster === null) return null;
    // What was submitted waits, not what has been declared since.
    const spec = launch.spec ?? application.spec;
    const alive = cluster.workers.filter((worker) => worker.state === "ALIVE");
    const room =
      alive.map((worker) => `${cores(worker.coresFree)} and ${worker.memoryFreeMb} MB`).join("; ") || "nothing";
    const free = `free on ${alive.length} ${alive.length === 1 ? "worker" : "workers"}: ${room}`;
    if (driver?.kind === "state" && driver.state === "SUBMITTED" && driver.workerId === null) {
      return `no resources: the driver needs 1 core and ${spec.driverMemory}; ${free}`;
    }
    const app = cluster.applications.find(
      (entry) => entry.id === launch.sparkAppId || entry.name === launch.submissionId,
    );
    if (app?.state === "WAITING" && app.cores === 0) {
      return `no resources: executors need ${cores(spec.cores)} in all and ${spec.executorMemory} each; ${free}`;
    }
    return null;
  }
}

function cores(count: number): string {
  return `${count} ${count === 1 ? "core" : "cores"}`;
}
