import type { CatalogStore, LaunchStore } from "./ports.ts";
import type { LaunchRow } from "./rows.ts";
import type { SparkMaster } from "./spark-master.ts";

const LAUNCHES = 50;

/** Tells what the Spark cluster has and who uses it, by our names. */
export class Cluster {
  private readonly master: SparkMaster;
  private readonly catalog: CatalogStore;
  private readonly launches: LaunchStore;

  constructor(master: SparkMaster, catalog: CatalogStore, launches: LaunchStore) {
    this.master = master;
    this.catalog = catalog;
    this.launches = launches;
  }

  /** @throws Problem `dependency_unavailable` when the master is away */
  async view() {
    const [cluster, version, launches] = await Promise.all([
      this.master.cluster(),
      this.master.version(),
      this.recentLaunches(),
    ]);
    const launchOf = (driver: string) =>
      launches.find(({ submissionId, driverId }) => [submissionId, driverId].includes(driver));
    const ours = (driver: string) => {
      const launch = launchOf(driver);
      return { application: launch?.application ?? null, launch: launch?.id ?? null };
    };
    const alive = cluster.workers.filter(({ state }) => state === "ALIVE");
    const sum = (field: "cores" | "coresFree" | "memoryMb" | "memoryFreeMb") =>
      alive.reduce((total, worker) => total + worker[field], 0);
    return {
      master: { url: cluster.url, status: cluster.status, version },
      totals: {
        workers: alive.length,
        cores: sum("cores"),
        coresFree: sum("coresFree"),
        memoryMb: sum("memoryMb"),
        memoryFreeMb: sum("memoryFreeMb"),
      },
      workers: cluster.workers.map(({ uiUrl: _, lastHeartbeatAt, ...worker }) => ({
        ...worker,
        lastHeartbeatAt: lastHeartbeatAt?.toISOString() ?? null,
      })),
      // The master is set to call an application by its driver's id.
      applications: cluster.applications.map(({ name, startedAt, ...application }) => ({
        ...application,
        driver: name,
        ...ours(name),
        startedAt: startedAt?.toISOString() ?? null,
      })),
      drivers: cluster.drivers.map(({ submittedAt, ...driver }) => ({
        ...driver,
        ...ours(driver.id),
        submittedAt: submittedAt?.toISOString() ?? null,
      })),
    };
  }

  private async recentLaunches(): Promise<LaunchRow[]> {
    // The master remembers drivers for a while, also those of replays that have ended.
    const applications = await this.catalog.applications(true);
    return (await Promise.all(applications.map(({ name }) => this.launches.recent(name, LAUNCHES)))).flat();
  }
}
