import { formatInstant } from "../../domain/delta/instant.ts";
import { newestEntry } from "../../domain/delta/snapshot.ts";
import { dependencyUnavailable, Problem } from "../../domain/problem.ts";
import type { DiffSummary, Side } from "../../domain/replay/diff.ts";
import type { LogReader } from "../delta-table.ts";
import type { Clock } from "../ports.ts";
import { FINAL, finality, UPDATES } from "../revenue/position.ts";
import { SILVER } from "../revenue/records.ts";
import type { GenerationRow } from "../rows.ts";
import { createSnapshots, type SnapshotSet, type Snapshots } from "../snapshots.ts";
import { type BaseParts, baseOf } from "./comparison/base.ts";
import { Figures, type SideName } from "./comparison/figures.ts";
import type { ComparisonEngine, DiffStore } from "./comparison/ports.ts";
import { RecordComparison } from "./comparison/records.ts";
import { type Offsets, SilverSide } from "./comparison/side.ts";

type Compared = Pick<GenerationRow, "number" | "tables" | "rules">;

/** What is to be compared. */
export interface DiffRequest {
  /** id of the replay that asks */
  replay: string;
  /** the live generation */
  left: Compared;
  /** the one that may take its place */
  right: Compared;
  /** Kafka offsets by partition: records before them are compared, and both sides must have read all of these */
  at: Offsets;
  /** Kafka offsets by partition: records before them were never to be in `right`; left out: it was to have all */
  from?: Offsets | undefined;
  /** ends the comparison, and with it its queries; it throws what the signal says */
  signal: AbortSignal;
}

export interface DiffEngine {
  /**
   * Compares two generations at one position and saves the result in the place of an earlier one of the same replay.
   * @throws Problem `conflict` while a side has not read up to the position; the signal's reason when it was given up
   */
  run(request: DiffRequest): Promise<DiffSummary>;
  /** null while the replay has not been compared */
  summary(replay: string): Promise<DiffSummary | null>;
}

export interface DiffParts extends BaseParts {
  store: DiffStore;
  log: LogReader;
  openEngine: () => Promise<ComparisonEngine>;
  /** of generations whose rules do not say it */
  windowMs: number;
  clock: Clock;
  /** how long a comparison may take */
  atMostMs?: number;
}

const AT_MOST_MS = 15 * 60_000;
const INTERRUPT_MS = 50;

/** Compares the tables of two generations by SQL, in an engine of its own that may use the disk and ends with the comparison. */
export function createDiffEngine(parts: DiffParts): DiffEngine {
  return {
    async run(request) {
      const engine = await parts.openEngine();
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(parts.atMostMs ?? AT_MOST_MS)]);
      // Again and again: an interruption that comes just before a query begins is not heard.
      const interrupting = setInterval(() => signal.aborted && engine.interrupt(), INTERRUPT_MS);
      try {
        signal.throwIfAborted();
        return await compare(parts, stopping(engine, signal), { ...request, signal });
      } catch (error) {
        request.signal.throwIfAborted();
        throw signal.aborted ? tooLong(error) : error;
      } finally {
        clearInterval(interrupting);
        engine.close();
      }
    },
    summary: (replay) => parts.store.find(replay),
  };
}

function tooLong(cause: unknown): Problem {
  const detail =
    "Comparing the two generations took longer than it may; the machine has too much else to do, or the tables have outgrown it.";
  return dependencyUnavailable("the comparison", detail, cause);
}

/** The engine, which begins no query any more once the comparison was given up. */
function stopping(engine: ComparisonEngine, signal: AbortSignal): ComparisonEngine {
  return {
    query: async (sql, parameters) => {
      signal.throwIfAborted();
      return engine.query(sql, parameters);
    },
    interrupt: () => engine.interrupt(),
    close: () => engine.close(),
  };
}

async function compare(parts: DiffParts, engine: ComparisonEngine, request: DiffRequest): Promise<DiffSummary> {
  const began = parts.clock.now().getTime();
  const [left, right] = [request.left, request.right].map((side) => tablesOf(parts, engine, side)) as [
    Snapshots,
    Snapshots,
  ];
  // Gold before silver, so that silver has every record that gold has counted.
  const tables = [FINAL, UPDATES, SILVER];
  return left.read(tables, (leftSet) =>
    right.read(tables, async (rightSet) => {
      for (const set of [leftSet, rightSet]) await requireRead(parts, set, request.at);
      const compared = await new Comparison(parts, engine, request).run(leftSet, rightSet);
      const now = parts.clock.now().getTime();
      const summary = { ...compared.summary, comparedAt: formatInstant(BigInt(now) * 1000n), durationMs: now - began };
      request.signal.throwIfAborted();
      await parts.store.save(summary, compared.windows, compared.records);
      return summary;
    }),
  );
}

/** The tables of one generation, whichever is live. */
function tablesOf({ lakeDir, log }: DiffParts, engine: ComparisonEngine, { number, tables }: Compared): Snapshots {
  const paths = Object.fromEntries(Object.entries(tables).map(([table, path]) => [table, `${lakeDir}/${path}`]));
  return createSnapshots({ generations: { live: async () => ({ generation: number, paths }) }, log, engine });
}

/** @throws Problem `conflict` where a table of the generation has not read up to the position */
async function requireRead(parts: DiffParts, set: SnapshotSet, at: Offsets): Promise<void> {
  for (const table of [SILVER, UPDATES]) {
    const through = await throughOf(parts, set, table);
    const behind = Object.entries(at).find(([partition, offset]) => BigInt(through[partition] ?? "0") < BigInt(offset));
    if (behind === undefined) continue;
    const [partition, offset] = behind;
    throw new Problem({
      status: 409,
      code: "conflict",
      title: "The generations cannot be compared there yet",
      detail: `${table} of generation ${set.generation} has read partition ${partition} up to offset ${through[partition] ?? "0"}; offset ${offset} is to be compared.`,
      next: "Wait until the replay has caught up; GET /v1/replays/{id} says how far it is.",
    });
  }
}

async function throughOf({ commits, topic }: DiffParts, set: SnapshotSet, table: string): Promise<Offsets> {
  const snapshot = set.snapshot(table);
  const said = snapshot && newestEntry(snapshot, "batch", "tick")?.through[topic];
  if (said !== undefined) return said;
  // Log clean-up took the commit that says it.
  const of = {
    generation: set.generationOf(table),
    table,
    kind: "batch",
    by: "batch",
    order: "newest",
    limit: 1,
  } as const;
  const [newest] = await commits.find(of);
  return ((newest?.entry.through ?? {}) as Record<string, Offsets>)[topic] ?? {};
}

/** One comparison, step by step. */
class Comparison {
  private readonly parts: DiffParts;
  private readonly request: DiffRequest;
  private readonly figures: Figures;
  private readonly records: RecordComparison;

  constructor(parts: DiffParts, engine: ComparisonEngine, request: DiffRequest) {
    this.parts = parts;
    this.request = request;
    this.figures = new Figures(engine);
    this.records = new RecordComparison(engine, parts.topic);
  }

  async run(leftSet: SnapshotSet, rightSet: SnapshotSet) {
    const { replay, at, from = null } = this.request;
    const leftSilver = this.silver(leftSet, this.request.left);
    const rightSilver = this.silver(rightSet, this.request.right);
    const left = await this.side("left", leftSilver);
    const right = await this.side("right", rightSilver);
    const { unchanged, finalChanged, changes } = await this.figures.compare(await finality(leftSet));
    const records = await this.records.compare(leftSilver, rightSilver, from);
    const listed = { windows: await this.figures.changes(), records: await this.records.changes() };
    const changedWindows = changes.added + changes.removed + changes.changed;
    const changedRecords = BigInt(records.added) + BigInt(records.removed) + BigInt(records.changed);
    const summary = {
      ...{ replay, left, right, at, from },
      windows: { ...changes, unchanged, finalChanged },
      currencies: await this.figures.currencies(),
      records,
      kept: {
        windows: { kept: listed.windows.length, capped: listed.windows.length < changedWindows },
        records: { kept: listed.records.length, capped: BigInt(listed.records.length) < changedRecords },
      },
    };
    return { ...listed, summary };
  }

  /** The windows of a generation's figures are those of its own rules, whatever the manifest says by now. */
  private silver(set: SnapshotSet, { rules }: Compared): SilverSide {
    return new SilverSide(set, rules.windowMs ?? this.parts.windowMs, this.parts.topic, this.request.at);
  }

  private async side(name: SideName, silver: SilverSide): Promise<Side> {
    await silver.prepare();
    const base = await baseOf(this.parts, silver.set, this.request.at);
    const counts = await this.records.count(silver);
    return { generation: silver.set.generation, ...counts, ...(await this.figures.add(name, silver, base)) };
  }
}
