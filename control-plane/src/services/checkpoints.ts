import { join } from "node:path";
import {
  type CheckpointFiles,
  type CheckpointReport,
  inspectCheckpoint,
  type LogSummary,
} from "../domain/checkpoint/inspection.ts";
import { describeNextStep } from "../domain/checkpoint/next-step.ts";
import { checkpointPath } from "../domain/layout.ts";
import type { JobReader } from "./jobs.ts";
import type { Placement } from "./placement.ts";
import type { EventStore } from "./ports.ts";
import type { Positions } from "./positions.ts";
import type { JobRow, ProgressRow } from "./rows.ts";
import type { TableHistory } from "./table-history.ts";

/** The folder of one operator's state. */
export interface StateFolder {
  /** id of the operator in the query's plan */
  operator: string;
  name: string | null;
  bytes: number;
  partitions: Set<string>;
}

/** Reads the folders of checkpoints. */
export interface CheckpointReader {
  /** nothing but empty logs where there is no folder */
  read(folder: string): Promise<CheckpointFiles>;
  measure(folder: string): Promise<{ bytes: number; files: number; state: StateFolder[] }>;
}

/** Tells what lies in jobs' checkpoints, and what a start would make of it. */
export class Checkpoints {
  private readonly jobs: JobReader;
  private readonly positions: Positions;
  private readonly events: EventStore;
  private readonly reader: CheckpointReader;
  private readonly history: TableHistory;
  private readonly folders: { lake: string; checkpoints: string };

  constructor(deps: {
    jobs: JobReader;
    positions: Positions;
    events: EventStore;
    reader: CheckpointReader;
    history: TableHistory;
    folders: { lake: string; checkpoints: string };
  }) {
    this.jobs = deps.jobs;
    this.positions = deps.positions;
    this.events = deps.events;
    this.reader = deps.reader;
    this.history = deps.history;
    this.folders = deps.folders;
  }

  /** @throws Problem `unknown_job` */
  async report(id: string) {
    const job = await this.jobs.find(id);
    const at = (await this.positions.placements())(job);
    const folder = join(this.folders.checkpoints, checkpointPath(at.generation, at.job));
    // The files before the ledger: a batch that is in the table was planned before.
    const files = await this.reader.read(folder);
    const ledger = await this.ledgerBatch(job, at);
    const [size, progress] = await Promise.all([this.reader.measure(folder), this.events.newestProgress(id)]);
    const report = inspectCheckpoint(files, ledger);
    return {
      job: id,
      generation: at.generation,
      folder,
      exists: size.files > 0,
      queryId: report.queryId,
      offsets: describeLog(report.offsets),
      commits: describeLog(report.commits),
      ledgerBatch: ledger === null ? null : String(ledger),
      inFlight: report.inFlight === null ? null : describeInFlight(report, report.inFlight),
      plannedAt: report.newest?.plannedAt ?? null,
      watermark: report.newest?.watermark ?? null,
      sources: report.newest?.sources ?? [],
      stateOperators: size.state.map((state) => describeState(state, progress)),
      size: { bytes: size.bytes, files: size.files },
      next: describeNextStep(report, ledger),
      damage: report.damage,
    };
  }

  /** The newest batch in any of the job's tables; null when there is none. */
  private async ledgerBatch(job: JobRow, at: Placement): Promise<bigint | null> {
    const batches = await Promise.all(job.spec.writes.map((table) => this.batchIn(table, at)));
    return batches.reduce(
      (newest, batch) => (newest === null || (batch !== null && batch > newest) ? batch : newest),
      null,
    );
  }

  /** The table's own log knows better than a copy that a runner may not have sent yet. */
  private async batchIn(table: string, { job, generation, tables }: Placement) {
    const isBatch = (entry: Record<string, unknown>) => entry.kind === "batch" && entry.job === job;
    const path = tables[table];
    const root = path === undefined ? null : join(this.folders.lake, path);
    const commit = root === null ? null : await this.history.newestEntry(table, root, isBatch);
    if (typeof commit?.entry?.batch === "number") return BigInt(commit.entry.batch);
    const row = await this.events.newestEntry(job, generation, table, "batch");
    return row === null ? null : BigInt(row.batch);
  }
}

function describeLog({ newest, oldest, count, gaps }: LogSummary) {
  return {
    newest: newest === null ? null : String(newest),
    oldest: oldest === null ? null : String(oldest),
    count,
    gaps: gaps.map(String),
  };
}

function describeInFlight(report: CheckpointReport, batch: bigint) {
  return { batch: String(batch), from: report.previous?.sources ?? [], to: report.newest?.sources ?? [] };
}

function describeState(state: StateFolder, progress: ProgressRow | null) {
  const reported = Array.isArray(progress?.data.stateOperators) ? progress.data.stateOperators : [];
  const figures = (reported as Record<string, unknown>[]).find(({ operatorName }) => operatorName === state.name);
  const figure = (name: string) => (typeof figures?.[name] === "number" ? String(figures[name]) : null);
  return {
    operator: state.operator,
    name: state.name,
    partitions: state.partitions.size,
    rows: figure("numRowsTotal"),
    memoryBytes: figure("memoryUsedBytes"),
    bytesOnDisk: String(state.bytes),
  };
}
