import { relative } from "node:path";
import type { PipelineParameters } from "../../domain/manifest.ts";
import { dependencyUnavailable, Problem } from "../../domain/problem.ts";
import type { ReconciliationLimits } from "../../domain/reconciliation/limits.ts";
import { type Line, overall, type Report } from "../../domain/reconciliation/report.ts";
import type { Alerts } from "../alerts.ts";
import type { LedgerStore } from "../ledger.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports.ts";
import { FileVanished } from "../query-engine.ts";
import type { Generations, LiveTables } from "../snapshots.ts";
import type { TopicWatch } from "../topic-watch.ts";
import { LogGone, type TableMemory, type TableParts } from "./audited-table.ts";
import { boundedEngine } from "./bounded-engine.ts";
import { type Checked, type CheckInput, check } from "./check.ts";
import { Freshness, STALE_MS } from "./freshness.ts";
import { alarmLines, UNREADABLE } from "./line-alarms.ts";
import { Pace } from "./pace.ts";
import type { DecidedOverrides, ReconciliationStore, Resume } from "./ports.ts";

/** `stale`: no check has succeeded for minutes; `lastError`: why the newest attempt failed, where this control plane makes them */
export type AnsweredReport = Report & { stale: boolean; lastError: string | null };

export interface ReconciliationDeps {
  generations: Generations;
  /** the rules that the live generation's rows were made by */
  rules: () => Promise<Pick<PipelineParameters, "windowMs" | "dedupHorizonMs">>;
  tables: TableParts;
  ledger: LedgerStore;
  overrides: DecidedOverrides;
  store: ReconciliationStore;
  topic: string;
  watch: Pick<TopicWatch, "latest">;
  lakeDir: string;
  limits: ReconciliationLimits;
  alerts: Pick<Alerts, "observe" | "list">;
  clock: Clock;
  log: Log;
}

/**
 * Proves, every minute or as often as it is set, that nothing was lost and nothing counted twice between Kafka and gold; a line that does not hold fires an alert.
 *
 * A check reads what was added since the newest one that held. After one that failed everything is counted anew, soon and then now and then:
 * only that can say that it is over.
 */
export class Reconciliation {
  private readonly deps: ReconciliationDeps;
  private readonly memory = new Map<string, TableMemory>();
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<Report> | null = null;
  private recounting = false;
  private stopping = false;
  private readonly freshness: Freshness;
  /** of deciding: what was asked for in one is not done in the next */
  private term = 0;
  private readonly pace = new Pace();

  constructor(deps: ReconciliationDeps) {
    this.deps = deps;
    this.freshness = new Freshness(deps.alerts, deps.clock);
  }

  start(): void {
    this.stopping = false;
    if (this.timer !== null) return;
    this.freshness.begin();
    this.timer = setInterval(() => void this.attempt(), this.deps.limits.everyMs);
    void this.attempt();
  }

  /** Ends a check that runs after its present query. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.term += 1;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running?.catch(() => undefined);
    this.stopping = false;
  }

  /** The newest report. @throws Problem `not_ready` before the first */
  async latest(): Promise<AnsweredReport> {
    const { generation } = await this.deps.generations.live();
    const newest = await this.deps.store.newest(generation);
    if (newest !== null) return this.answer(newest.report);
    throw new Problem({
      status: 503,
      code: "not_ready",
      title: "Nothing has been reconciled yet",
      detail: `Generation ${generation} has had no check: the control plane that decides makes one every minute.`,
      next: "Try again in a minute, or ask for ?recount=true.",
    });
  }

  /**
   * A recount for whoever asks; so soon after the one before, the newest report.
   * @throws Problem `not_ready` where another control plane decides: that one keeps the reports, and alarms
   */
  async askedRecount(waitMs: number): Promise<AnsweredReport | null> {
    if (this.timer === null) throw standsBy();
    if (!this.recounting && this.pace.isRecent(this.deps.clock.now())) return this.latest();
    const report = await this.recount(waitMs);
    return report && this.answer(report);
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
    const { term } = this;
    const report = minutely
      .then(() => {
        if (this.term !== term) throw standsBy();
        return this.once(true);
      })
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

  /** What the timer does. Never throws: what could not be done shows in the answer, and alarms when it lasts. */
  async attempt(): Promise<void> {
    const { log } = this.deps;
    await this.freshness.look().catch((error: unknown) => log.warn({ err: error }, "cannot alarm"));
    const before = this.freshness.error;
    try {
      await this.checkNow();
      await this.freshness.succeeded();
    } catch (error) {
      this.freshness.failed(error);
      if (this.freshness.error !== before) log.warn({ err: error }, "cannot reconcile the tables");
    }
  }

  private once(anew: boolean): Promise<Report> {
    this.running = this.report(anew).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async report(anew: boolean): Promise<Report> {
    const { clock, store, generations, alerts } = this.deps;
    const began = clock.now();
    const live = await generations.live();
    const before = await store.newest(live.generation);
    const wasWrong = before?.report.verdict === "failed";
    const counts = anew || (wasWrong && this.pace.isDue(began));
    const from = counts ? null : (before?.resume ?? null);
    // Nothing to go on from, and everything was counted a moment ago.
    if (wasWrong && !counts && from === null) return before.report;
    const { resume, ...checked } = await this.checked(live, from);
    // What came since may well be in order: what was wrong before it still is.
    const lines = wasWrong && checked.kind === "incremental" ? stillWrong(checked.lines, before.report) : checked.lines;
    const verdict = overall(lines);
    const durationMs = clock.now().getTime() - began.getTime();
    const report: Report = {
      ...checked,
      verdict,
      lines,
      at: began.toISOString(),
      durationMs,
      generation: live.generation,
    };
    if (report.kind === "recount") this.pace.counted(report, clock.now());
    // First: what alarms must not be lost with a process that dies here.
    await alarmLines(alerts, lines);
    const canGoOn = from === null || checked.kind === "incremental";
    await store.save(report, verdict === "failed" ? (canGoOn ? (before?.resume ?? null) : null) : resume);
    return report;
  }

  private answer(report: Report): AnsweredReport {
    const stale = this.deps.clock.now().getTime() - Date.parse(report.at) > STALE_MS;
    return { ...report, stale, lastError: this.freshness.error };
  }

  private async checked(live: LiveTables, resume: Resume | null): Promise<Checked> {
    const input = await this.input(live);
    const { tables, ledger, overrides, clock, limits } = this.deps;
    const engine = boundedEngine(tables.engine, clock, limits, () => {
      if (this.stopping) throw standsBy();
    });
    const parts = { ...tables, engine, ledger, overrides };
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
}

function stillWrong(lines: readonly Line[], before: Report): Line[] {
  const wrong = new Map(before.lines.filter(({ verdict }) => verdict === "failed").map((line) => [line.id, line]));
  return lines.map((line) => (line.verdict === "failed" ? line : (wrong.get(line.id) ?? line)));
}

function standsBy(): Problem {
  return new Problem({
    status: 503,
    code: "not_ready",
    title: "This control plane does not reconcile",
    detail: "It is starting, or stands by: only the control plane that decides counts, and keeps the report.",
    next: "Ask the control plane that decides, or read the newest report without ?recount=true.",
  });
}

/** A table whose log cannot be read is the finding. @throws any other problem */
function unreadable(problem: Problem): Checked {
  if (problem.details.code !== "damaged_table" && problem.details.code !== "unsupported_table") throw problem;
  const line: Line = {
    id: UNREADABLE,
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
