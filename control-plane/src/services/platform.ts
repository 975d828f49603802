import { formatDuration } from "../domain/duration.ts";
import type { Manifest, TopicSpec } from "../domain/manifest.ts";
import { Problem } from "../domain/problem.ts";
import type { ApplicationSpec } from "../domain/specs/application-spec.ts";
import { applicationChanges, needsRestart } from "../domain/specs/spec-change.ts";
import type { LastWords } from "./last-words.ts";
import type { CatalogStore, LaunchStore, Topics } from "./ports.ts";
import type { Reconciler } from "./reconcile/reconciler.ts";
import type { ApplicationRow, JobRow } from "./rows.ts";

export interface ApplicationSummary {
  name: string;
  phase: string;
  reason: string | null;
  dedicated: boolean;
  spec: ApplicationSpec;
  specRevision: number;
  /** its driver was submitted with an older spec */
  restartPending: boolean;
  jobs: string[];
  launches: {
    id: string;
    submissionId: string | null;
    sparkAppId: string | null;
    specRevision: number | null;
    recordedAt: string;
    adoptedAt: string | null;
    lastSyncAt: string | null;
    endedAt: string | null;
    endReason: string | null;
    lastWords: LastWords | null;
  }[];
}

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

  async applications(): Promise<ApplicationSummary[]> {
    const [applications, jobs] = await Promise.all([this.catalog.applications(), this.catalog.jobs()]);
    return Promise.all(applications.map((application) => this.summarise(application, jobs)));
  }

  async application(name: string): Promise<ApplicationSummary> {
    return this.summarise(await this.findApplication(name), await this.catalog.jobs());
  }

  /** @throws Problem `unknown_application`, listing the applications there are */
  async findApplication(name: string): Promise<ApplicationRow> {
    const applications = await this.catalog.applications();
    const found = applications.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
    throw new Problem({
      status: 404,
      code: "unknown_application",
      title: "No such application",
      detail: `There is no application ${JSON.stringify(name)}.`,
      next: `Known applications: ${applications.map((known) => known.name).join(", ") || "none yet"}.`,
    });
  }

  private async summarise(application: ApplicationRow, jobs: JobRow[]): Promise<ApplicationSummary> {
    const { name, spec, revision, dedicated } = application;
    const decision = this.reconciler.view(name)?.decision;
    const launches = await this.launches.recent(name, 10);
    const open = launches.find((launch) => launch.endedAt === null);
    return {
      name,
      phase: decision?.phase ?? "unknown",
      reason: decision === undefined ? "not looked at yet" : decision.reason,
      dedicated,
      spec,
      specRevision: revision,
      restartPending: open?.spec != null && needsRestart(applicationChanges(open.spec, spec)),
      jobs: jobs.filter((job) => job.application === name).map((job) => job.id),
      launches: launches.map((launch) => ({
        id: launch.id,
        submissionId: launch.submissionId,
        sparkAppId: launch.sparkAppId,
        specRevision: launch.specRevision,
        recordedAt: launch.recordedAt.toISOString(),
        adoptedAt: launch.adoptedAt?.toISOString() ?? null,
        lastSyncAt: launch.lastSyncAt?.toISOString() ?? null,
        endedAt: launch.endedAt?.toISOString() ?? null,
        endReason: launch.endReason,
        lastWords: launch.lastWords,
      })),
    };
  }

  /** @throws Problem when Kafka is away */
  async topics() {
    return Promise.all(Object.values(this.manifest.topics).map((declared) => this.describe(declared)));
  }

  /** @throws Problem `unknown_topic`, and when Kafka is away */
  async topic(name: string) {
    const declared = Object.values(this.manifest.topics);
    const topic = declared.find((candidate) => candidate.name === name);
    if (topic !== undefined) return this.describe(topic);
    throw new Problem({
      status: 404,
      code: "unknown_topic",
      title: "No such topic",
      detail: `The pipeline has no topic ${JSON.stringify(name)}.`,
      next: `Known topics: ${declared.map((known) => known.name).join(", ")}.`,
    });
  }

  private async describe(declared: TopicSpec) {
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
  }
}
