import { join } from "node:path";
import { consumedVersion, toSource } from "../domain/checkpoint/log-entry.ts";
import type { PartitionLag } from "../domain/lag.ts";
import { type TableLag, tableLag } from "../domain/table-lag.ts";
import type { SourceProblem } from "../domain/topic-problem.ts";
import type { JobReader } from "./jobs.ts";
import type { Placement } from "./placement.ts";
import type { Clock, EventStore } from "./ports.ts";
import type { JobOffsets, Positions } from "./positions.ts";
import type { JobRow } from "./rows.ts";
import type { TableHistory } from "./table-history.ts";

/** What a job reads from, and how far it is behind it. */
export type JobSource =
  | { kind: "kafka"; name: string; partitions: PartitionLag[]; problem: SourceProblem | null }
  | ({ kind: "delta"; name: string } & TableLag);

export interface OffsetsAnswer extends JobOffsets {
  sources: JobSource[];
}

/** Tells how far jobs are behind what they read: the topic, or the tables before theirs. */
export class Sources {
  private readonly jobs: JobReader;
  private readonly positions: Positions;
  private readonly events: EventStore;
  private readonly history: TableHistory;
  private readonly lakeDir: string;
  private readonly clock: Clock;

  constructor(deps: {
    jobs: JobReader;
    positions: Positions;
    events: EventStore;
    history: TableHistory;
    lakeDir: string;
    clock: Clock;
  }) {
    this.jobs = deps.jobs;
    this.positions = deps.positions;
    this.events = deps.events;
    this.history = deps.history;
    this.lakeDir = deps.lakeDir;
    this.clock = deps.clock;
  }

  /** @throws Problem `unknown_job`; `dependency_unavailable` when Kafka is away */
  async offsets(id: string): Promise<OffsetsAnswer> {
    const job = await this.jobs.find(id);
    const offsets = await this.positions.offsets(job);
    const sources: JobSource[] =
      job.spec.reads.length === 0
        ? [{ kind: "kafka", name: offsets.topic, partitions: offsets.partitions, problem: offsets.problem }]
        : await this.tables(job);
    return { ...offsets, sources };
  }

  private async tables(job: JobRow): Promise<JobSource[]> {
    const at = (await this.positions.placements())(job);
    const consumed = await this.consumed(job, at);
    return Promise.all(
      job.spec.reads.map(async (name): Promise<JobSource> => {
        const root = join(this.lakeDir, at.tables[name] ?? name);
        // The position before the table: the job can then never be ahead of it.
        const unread = await this.history.after(name, root, consumed);
        const latest = unread?.at(-1)?.version ?? (await this.history.newestVersion(root));
        return { kind: "delta", name, ...tableLag(consumed, latest, unread, this.clock.now()) };
      }),
    );
  }

  /** The newest version that the newest batch has covered completely, by the job's ledger; -1 before the first. */
  private async consumed(job: JobRow, at: Placement): Promise<number> {
    const table = job.spec.writes[0];
    const row = table === undefined ? null : await this.events.newestEntry(at.job, at.generation, table, "batch");
    const to = (row?.entry.source as { to?: unknown } | undefined)?.to;
    const source = typeof to === "string" ? toSource(to) : null;
    return source?.kind === "delta" ? Number(consumedVersion(source)) : -1;
  }
}
