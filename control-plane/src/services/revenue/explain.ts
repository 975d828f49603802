import { formatInstant, INSTANT_FORM, parseInstant, readInstant } from "../../domain/delta/instant.ts";
import { formatDuration } from "../../domain/duration.ts";
import { type FieldError, invalidRequest } from "../../domain/problem.ts";
import { fromCents } from "../../domain/revenue/amount.ts";
import type { Dimension } from "../../domain/revenue/dimensions.ts";
import { type FigureChange, historyOf, type UpdatePart } from "../../domain/revenue/history.ts";
import { ceilTo, floorTo } from "../../domain/revenue/range.ts";
import { readCursor, writeCursor } from "../cursor.ts";
import type { RunStore } from "../ports.ts";
import type { RunDetails } from "../rows.ts";
import type { SnapshotSet } from "../snapshots.ts";
import { type Commit, Commits } from "./commits.ts";
import { countedBy, endOf, finalsOf, isFinalAt, partsOf, summarise } from "./explanation.ts";
import { selectFigures } from "./figures.ts";
import { FINAL, type Position, UPDATES } from "./position.ts";
import { type FigureKey, RECORD_CURSOR, type RecordOfFigure, Records, SILVER } from "./records.ts";
import { type Query, readRequest } from "./request.ts";
import {
  momentOf,
  positionOf,
  type RevenueParts,
  type RevenueSnapshot,
  type RevenueWindow,
  snapshotOf,
} from "./windows.ts";

export interface ExplainRequest extends Record<Dimension, string> {
  window_start: string;
  grain?: string | undefined;
  as_of?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** A sum of money and the number of events that it is of. */
export interface Sum {
  revenue: string;
  event_count: string;
}

export interface BatchOfFigure extends Sum {
  batch: number;
  /** of the run that made it; null, as all that follows, where the ledger does not know the batch any more */
  epoch: number | null;
  committedAt: string | null;
  /** of gold.revenue_5m_updates */
  version: number | null;
  /** with all batches before it */
  total: string;
}

export interface Explanation {
  /** as `/v1/revenue/windows` says it; null where no event has been counted */
  figure: RevenueWindow | null;
  /** in a sentence or two */
  summary: string;
  /** whether figure, batches and records say the same */
  addsUp: boolean;
  sums: { figure: Sum; updates: Sum; pending: Sum; rows: Sum };
  /** records that belong to it, by outcome */
  outcomes: Record<string, string>;
  /** its records, with the batch that counted each; null where it was not, and where the ledger does not tell */
  items: (RecordOfFigure & { batch: number | null })[];
  nextCursor: string | null;
  batches: BatchOfFigure[];
  changes: FigureChange[];
  /** older batches and changes that are not listed */
  omitted: { batches: number; changes: number };
  runs: Pick<RunDetails, "job" | "generation" | "epoch" | "launch" | "startedAt" | "endedAt" | "endedBy">[];
  snapshot: RevenueSnapshot;
}

export interface ExplainParts extends RevenueParts {
  runs: Pick<RunStore, "findOf">;
  /** where a generation does not say */
  rules: { allowedLatenessMs: number; allowedSkewMs: number };
}

/** Batches and changes that one answer lists at most, the newest ones. */
const MOST_LISTED = 1_000;

/** Tells where one figure comes from, and how it came to be what it is. */
export class Explanations {
  private readonly parts: ExplainParts;

  constructor(parts: ExplainParts) {
    this.parts = parts;
  }

  /** @throws Problem `invalid_request` naming every field that is wrong */
  async explain(request: ExplainRequest): Promise<Explanation> {
    const answer = async (set: SnapshotSet): Promise<Explanation> => {
      const { query, key } = readExplain(request, set.rules.windowMs ?? this.parts.windowMs);
      const shape = `explain ${Object.values(key).join(" ")} ${request.as_of ?? ""}`;
      const after = readCursor(shape, RECORD_CURSOR, request.cursor);
      const position = await positionOf(this.parts, set, query, request.as_of);
      const records = new Records(set, key, position.through ?? {});
      const [figures, parts, found] = await Promise.all([
        selectFigures(set, query, position),
        partsOf(set, key, position),
        records.read(request.limit, after, { ...this.parts.rules, ...set.rules }),
      ]);
      const figure = (figures[0] as unknown as RevenueWindow | undefined) ?? null;
      const { batches, commits, ...history } = await this.history(set, key, parts, position);
      const { shown, pending } = history;
      const all = sumOf(shown.cents + pending.cents, shown.events + pending.events);
      const answered = { revenue: figure?.revenue ?? "0.00", event_count: String(figure?.event_count ?? 0) };
      const items = found.items.map((item) => ({ ...item, batch: countedBy(commits, item) }));
      return {
        figure,
        summary: summarise(figure, found.outcomes, pending.events, {
          stamp: position.stamp,
          isFinal: isFinalAt(key.window_end, position),
        }),
        addsUp: same(answered, sumOf(shown.cents, shown.events)) && same(found.accepted, all),
        sums: {
          figure: answered,
          updates: sumOf(shown.cents, shown.events),
          pending: sumOf(pending.cents, pending.events),
          rows: found.accepted,
        },
        outcomes: found.outcomes,
        items,
        nextCursor: found.last === undefined ? null : writeCursor(shape, found.last),
        batches: batches.slice(-MOST_LISTED),
        changes: history.changes.slice(-MOST_LISTED),
        omitted: {
          batches: Math.max(0, batches.length - MOST_LISTED),
          changes: Math.max(0, history.changes.length - MOST_LISTED),
        },
        runs: await this.runsOf(commits, set.generationOf(UPDATES)),
        snapshot: snapshotOf({ ...position, stamp: withSilver(position, set) }),
      };
    };
    // Silver last: it then has every record that gold has counted.
    return this.parts.snapshots.read([FINAL, UPDATES, SILVER], answer, momentOf(request));
  }

  private async history(set: SnapshotSet, key: FigureKey, parts: readonly UpdatePart[], position: Position) {
    const commits = new Commits(this.parts.commits, this.parts.log, set);
    const numbers = [...new Set(parts.map(({ batch }) => batch))].sort((a, b) => a - b);
    const listed = numbers.slice(-MOST_LISTED);
    const [made, finals] = await Promise.all([
      commits.find({
        table: UPDATES,
        kind: "batch",
        batches: listed,
        by: "batch",
        order: "oldest",
        limit: MOST_LISTED,
      }),
      finalsOf(commits, parts, position),
    ]);
    const byBatch = new Map(made.map((commit) => [commit.batch, commit]));
    const committedAt = (batch: number) => byBatch.get(batch)?.at.toISOString() ?? null;
    const figure = { end: parseInstant(key.window_end) as bigint, currency: key.currency };
    const history = historyOf(figure, parts, finals, committedAt);
    let total = 0n;
    const batches = numbers.map((batch): BatchOfFigure => {
      const mine = parts.filter((part) => part.batch === batch);
      const cents = mine.reduce((sum, part) => sum + part.cents, 0n);
      total += cents;
      const commit = byBatch.get(batch);
      return {
        batch,
        epoch: commit?.epoch ?? null,
        committedAt: committedAt(batch),
        version: commit?.version ?? null,
        ...sumOf(
          cents,
          mine.reduce((sum, part) => sum + part.events, 0n),
        ),
        total: fromCents(total),
      };
    });
    return { ...history, batches, commits: made };
  }

  /** @param generation of the table that they are commits of */
  private async runsOf(commits: readonly Commit[], generation: number): Promise<Explanation["runs"]> {
    const epochs = new Map(commits.map(({ job, epoch }) => [`${job} ${epoch}`, { job, epoch }]));
    const find = ({ job, epoch }: Pick<Commit, "job" | "epoch">) => this.parts.runs.findOf(job, generation, epoch);
    const runs = await Promise.all([...epochs.values()].map(find));
    return runs
      .filter((run) => run !== null)
      .map(({ job, epoch, launch, startedAt, endedAt, endedBy }) => ({
        job,
        generation,
        epoch,
        launch,
        startedAt,
        endedAt,
        endedBy,
      }));
  }
}

function readExplain(request: ExplainRequest, windowMs: number): { query: Query; key: FigureKey } {
  const { window_start, plan_tier, region, currency, grain, as_of } = request;
  const start = readInstant(window_start);
  const errors: FieldError[] =
    start === undefined ? [{ field: "window_start", value: window_start, expected: INSTANT_FORM }] : [];
  for (const [field, value] of Object.entries({ plan_tier, region, currency })) {
    if (value.includes(",")) errors.push({ field, value, expected: "one value: an explanation is of one figure" });
  }
  const single = { plan_tier: [plan_tier], region: [region], currency: [currency] };
  const query = readRequest({ ...single, grain, as_of, order: "asc", limit: 1 }, windowMs, errors);
  const { grainMs } = query;
  const from = start as bigint;
  if (floorTo(from, grainMs) !== from) {
    const near = `${formatInstant(floorTo(from, grainMs))} or ${formatInstant(ceilTo(from, grainMs))}`;
    const expected = `the start of a window of ${formatDuration(grainMs)}, such as ${near}`;
    throw invalidRequest([{ field: "window_start", value: window_start, expected }]);
  }
  const [started, end] = [formatInstant(from), endOf(window_start, grainMs)];
  const key = { window_start: started, window_end: formatInstant(end), plan_tier, region, currency };
  return { query: { ...query, range: { from, to: end } }, key };
}

function withSilver({ stamp }: Position, set: SnapshotSet) {
  return { ...stamp, tables: { ...stamp.tables, [SILVER]: { version: set.snapshot(SILVER)?.version ?? null } } };
}

function sumOf(cents: bigint, events: bigint): Sum {
  return { revenue: fromCents(cents), event_count: events.toString() };
}

function same(a: Sum, b: Sum): boolean {
  return a.revenue === b.revenue && a.event_count === b.event_count;
}
