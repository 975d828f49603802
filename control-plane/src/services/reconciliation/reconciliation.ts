import { relative } from "node:path";
import type { PipelineParameters } from "../../domain/manifest.ts";
import { dependencyUnavailable, Problem } from "../../domain/problem.ts";
import type { Line, Report } from "../../domain/reconciliation/report.ts";
import type { Alerts } from "../alerts.ts";
import type { LedgerStore } from "../ledger.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports.ts";
import { FileVanished, type QueryEngine } from "../query-engine.ts";
import type { Generations, LiveTables } from "../snapshots.ts";
import type { TopicWatch } from "../topic-watch.ts";
import { LogGone, type TableMemory, type TableParts } from "./audited-table.ts";
import { type Checked, type CheckInput, check } from "./check.ts";
import type { ReconciliationStore, Resume } from "./ports.ts";

const EVERY_MS = 60_000;
/** A check that takes longer is given up. */
const AT_MOST_MS = 120_000;

export interface ReconciliationDeps {
  generations: Generations;
  /** the rules that the live generation's rows were made by */
  rules: () => Promise<Pick<PipelineParameters, "windowMs" | "dedupHorizonMs">>;
  tables: TableParts;
  ledger: LedgerStore;
  store: ReconciliationStore;
  topic: string;
  watch: Pick<TopicWatch, "latest">;
  lakeDir: string;
  alerts: Pick<Alerts, "observe">;
  clock: Clock;
  log: Log;
}

/**
 * Proves, every minute, that nothing was lost and nothing counted twice between Kafka and gold; a line that does not hold fires an alert.
 *
 * A check reads what was added since the one before; after one that failed, the next counts all rows anew.
 */
export class Reconciliation {
  private readonly deps: ReconciliationDeps;
  private readonly memory = new Map<string, TableMemory>();
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<Report> | null = null;
  private recounting = false;
  private stopping = false;
  private complaint: string | null = null;

  constructor(deps: ReconciliationDeps) {
    this.deps = deps;
  }

  start(): void {
    this.stopping = false;
    this.timer ??= setInterval(() => void this.attempt(), EVERY_MS);
    void this.attempt();
  }

  /** Ends a check that runs after its present query. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running?.catch(() => undefined);
    // Recounts may still be asked for.
    this.stopping = false;
  }

  /** The newest report. @throws Problem `not_ready` before the first */
  async latest(): Promise<Report> {
    const { generation } = await this.deps.generations.live();
    const newest = await this.deps.store.newest(generation);
    if (newest !== null) return newest.report;
    throw new Problem({
      status: 503,
      code: "not_ready",
      title: "Nothing has been reconciled yet",
      detail: `Generation ${generation} has had no check: the control plane that decides makes one every minute.`,
      next: "Try again in a minute, or ask for ?recount=true.",
    });
  }

  /**
   * Counts everything anew, from the rows.
   * @returns null when that takes longer than one wants to wait: it goes on, and the newest report will be its
   * @throws Problem `recount_running` while another one runs
   */
  async recount(waitMs: number): Promise<Report | null> {
    if (this.recounting) {
      throw new Problem({
        status: 409,
        code: "recount_running",
        title: "Everything is being counted already",
        detail: "One recount runs at a time, and one has been under way when this came.",
        next: "Read the newest report without ?recount=true, or try again in some seconds.",
      });
    }
    this.recounting = true;
    const minutely = this.running?.catch(() => undefined) ?? Promise.resolve();
    const report = minutely
      .then(() => this.once(true))
      .finally(() => {
        this.recounting = false;
      });
    // Who waits no longer must not leave an error that nobody takes.
    report.catch(() => undefined);
    const timer = Promise.withResolvers<null>();
    const timeout = setTimeout(() => timer.resolve(null), waitMs);
    return Promise.race([report, timer.promise]).finally(() => clearTimeout(timeout));
  }

  /** One check, incremental where the one before allows it. @throws what `recount` throws */
  checkNow(): Promise<Report> {
    return this.running ?? this.once(false);
  }

  private async attempt(): Promise<void> {
    try {
      await this.checkNow();
      this.complaint = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.complaint) this.deps.log.warn({ err: error }, "cannot reconcile the tables");
      this.complaint = text;
    }
  }

  private once(anew: boolean): Promise<Report> {
    this.running = this.report(anew).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async report(anew: boolean): Promise<Report> {
    const { clock, store, generations } = this.deps;
    const began = clock.now();
    const live = await generations.live();
    const before = await store.newest(live.generation);
    const { resume, ...checked } = await this.checked(live, anew ? null : (before?.resume ?? null));
    const report: Report = {
      ...checked,
      at: began.toISOString(),
      durationMs: clock.now().getTime() - began.getTime(),
      generation: live.generation,
    };
    await store.save(report, resume);
    await this.alarm(report.lines, before?.report.lines ?? []);
    return report;
  }

  private async checked(live: LiveTables, resume: Resume | null): Promise<Checked> {
    const input = await this.input(live);
    const parts = { ...this.deps.tables, engine: this.bounded(), ledger: this.deps.ledger };
    try {
      return await check(parts, input, resume, this.memory);
    } catch (error) {
      if (error instanceof Problem) return unreadable(error);
      if (!(error instanceof LogGone) && !(error instanceof FileVanished)) throw error;
      this.deps.log.info({ err: error }, "counting everything anew");
    }
    // What is remembered may be what led astray.
    this.memory.clear();
    try {
      return await check(parts, input, null, this.memory);
    } catch (error) {
      if (error instanceof Problem) return unreadable(error);
      if (!(error instanceof LogGone) && !(error instanceof FileVanished)) throw error;
      throw dependencyUnavailable("the lake", `The tables could not be read to the end: ${error.message}`, error);
    }
  }

  private async input(live: LiveTables): Promise<CheckInput> {
    const [harvested, times] = await Promise.all([this.deps.ledger.harvested(), this.deps.rules()]);
    // After the ledger: a position can then never be ahead of the topic.
    const offsets = await this.deps.watch.latest().catch(() => null);
    const byName = Object.entries(live.paths).map(
      ([name, root]) => [name, harvested.get(relative(this.deps.lakeDir, root)) ?? -1] as const,
    );
    return { live, harvested: new Map(byName), topic: { name: this.deps.topic, offsets }, times };
  }

  /** The query engine until the time of a check is up. */
  private bounded(): QueryEngine {
    const { clock, tables } = this.deps;
    const deadline = clock.now().getTime() + AT_MOST_MS;
    return {
      query: (sql, parameters) => {
        if (clock.now().getTime() <= deadline && !this.stopping) return tables.engine.query(sql, parameters);
        throw new Problem({
          status: 503,
          code: "dependency_unavailable",
          title: "The check was given up",
          detail: this.stopping
            ? "This control plane decides no longer."
            : `Reconciling the tables took longer than ${AT_MOST_MS / 1000} s.`,
          next: "Try again when the machine has less to do.",
        });
      },
    };
  }

  private async alarm(lines: readonly Line[], before: readonly Line[]): Promise<void> {
    const failed = new Map(lines.filter(isFailed).map((line) => [line.id, line]));
    const over = before.filter((line) => isFailed(line) && !failed.has(line.id));
    const now = new Map(lines.map((line) => [line.id, line]));
    for (const line of [...failed.values(), ...over]) {
      const { subject, detail } = now.get(line.id) ?? { ...line, detail: "there is nothing of it any more" };
      await this.deps.alerts.observe({
        key: `reconciliation:${line.id}`,
        severity: "critical",
        title: `Reconciliation: ${line.id} ${failed.has(line.id) ? "does not hold" : "holds again"}`,
        detail,
        subjects: Object.values(subject),
        failing: failed.has(line.id),
      });
    }
  }
}

function isFailed({ verdict }: Line): boolean {
  return verdict === "failed";
}

/** A table whose log cannot be read is the finding. @throws any other problem */
function unreadable(problem: Problem): Checked {
  if (problem.details.code !== "damaged_table" && problem.details.code !== "unsupported_table") throw problem;
  const line: Line = {
    id: "tables",
    subject: {},
    verdict: "failed",
    expected: null,
    actual: null,
    pending: null,
    detail: problem.details.detail,
    at: { tables: {}, through: {} },
  };
  return { verdict: "failed", kind: "recount", lines: [line], read: { files: 0, bytes: 0 }, resume: null };
}
