import { Problem } from "../../domain/problem.ts";
import { type Demand, shortageOf } from "../../domain/specs/fit.ts";
import type { CatalogStore } from "../ports.ts";
import type { SparkMaster } from "../spark-master.ts";

/** Asks the cluster before a spec is saved that it has no room for. */
export class Room {
  private readonly catalog: CatalogStore;
  private readonly master: Pick<SparkMaster, "cluster">;

  constructor(catalog: CatalogStore, master: Pick<SparkMaster, "cluster">) {
    this.catalog = catalog;
    this.master = master;
  }

  /**
   * @param movingJob a job that is to move into the application: it no longer counts for the one that it is in
   * @throws Problem `does_not_fit` with the figures; `dependency_unavailable` when the master does not answer
   */
  async require(asked: Demand, movingJob: string | null): Promise<void> {
    const shortage = await this.shortage(asked, movingJob);
    if (shortage === null) return;
    throw new Problem({
      status: 422,
      code: "does_not_fit",
      title: "The cluster has no room for this application",
      detail: `Nothing was changed: ${asked.application} does not fit, because ${shortage}.`,
      next: "Ask for less, make other applications smaller (PUT /v1/applications/{app}), give the workers more, or save it all the same with ?force=true: then its jobs wait for resources, and say so.",
    });
  }

  /**
   * @param movingJob as in {@link Room.require}
   * @param beside further applications that are to run with it
   * @returns what is missing, as a sentence with the figures; null when it fits
   * @throws Problem `dependency_unavailable` when the master does not answer
   */
  async shortage(asked: Demand, movingJob: string | null, beside: Demand[] = []): Promise<string | null> {
    const [applications, jobs, cluster] = await Promise.all([
      this.catalog.applications(),
      this.catalog.jobs(),
      this.master.cluster(),
    ]);
    const wanted = new Set(
      jobs.filter((job) => job.desired === "running" && job.id !== movingJob).map((job) => job.application),
    );
    const counted = new Set([asked, ...beside].map(({ application }) => application));
    const others = applications
      .filter(({ name }) => !counted.has(name) && wanted.has(name))
      .map(({ name, spec }) => ({ application: name, spec }));
    return shortageOf(
      asked,
      [...others, ...beside],
      cluster.workers.filter((worker) => worker.state === "ALIVE"),
    );
  }
}
