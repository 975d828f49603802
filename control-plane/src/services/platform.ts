import { formatDuration } from "../domain/duration.ts";
import type { Manifest } from "../domain/manifest.ts";
import type { CatalogStore, LaunchStore, Topics } from "./ports.ts";
import type { Reconciler } from "./reconcile/reconciler.ts";

/** Reads what the jobs run on: applications with their submissions, topics. */
export class Platform {
  private readonly catalog: CatalogStore;
  private readonly launches: LaunchStore;
  private readonly kafka: Topics;
  private readonly reconciler: Reconciler;
  private readonly manifest: Manifest;

  constructor(deps: {
    catalog: CatalogStore;
    launches: LaunchStore;
    topics: Topics;
    reconciler: Reconciler;
    manifest: Manifest;
  }) {
    this.catalog = deps.catalog;
    this.launches = deps.launches;
    this.kafka = deps.topics;
    this.reconciler = deps.reconciler;
    this.manifest = deps.manifest;
  }

  async applications() {
    const [applications, jobs] = await Promise.all([this.catalog.applications(), this.catalog.jobs()]);
    return Promise.all(
      applications.map(async ({ name, spec }) => {
        const decision = this.reconciler.view(name)?.decision;
        const launches = await this.launches.recent(name, 10);
        return {
          name,
          phase: decision?.phase ?? "unknown",
          reason: decision === undefined ? "not looked at yet" : decision.reason,
          spec,
          jobs: jobs.filter((job) => job.application === name).map((job) => job.id),
          launches: launches.map((launch) => ({
            id: launch.id,
            submissionId: launch.submissionId,
            sparkAppId: launch.sparkAppId,
            recordedAt: launch.recordedAt.toISOString(),
            adoptedAt: launch.adoptedAt?.toISOString() ?? null,
            lastSyncAt: launch.lastSyncAt?.toISOString() ?? null,
            endedAt: launch.endedAt?.toISOString() ?? null,
            endReason: launch.endReason,
          })),
        };
      }),
    );
  }

  /** @throws Problem when Kafka is away */
  async topics() {
    return Promise.all(
      Object.values(this.manifest.topics).map(async (declared) => {
        const actual = await this.kafka.describe(declared.name);
        const offsets = actual === null ? null : await this.kafka.offsets(declared.name);
        return {
          name: declared.name,
          exists: actual !== null,
          declared: {
            partitions: declared.partitions,
            timestampType: declared.timestampType ?? null,
            retention: formatDuration(declared.retentionMs),
          },
          actual:
            actual === null
              ? null
              : {
                  partitions: [...(offsets ?? [])].map(([partition, { earliest, latest }]) => ({
                    partition,
                    earliest: String(earliest),
                    latest: String(latest),
                  })),
                  timestampType: actual.timestampType,
                  retention: actual.retentionMs === null ? null : formatDuration(Number(actual.retentionMs)),
                },
        };
      }),
    );
  }
}
