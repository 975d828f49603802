import { readAsOf } from "../../domain/revenue/as-of.ts";
import type { Figure } from "../../domain/revenue/figure.ts";
import { writeCursor } from "../cursor.ts";
import type { LogReader } from "../delta-table.ts";
import type { Clock } from "../ports.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "../snapshots.ts";
import { Commits } from "./commits.ts";
import { selectFigures } from "./figures.ts";
import type { CommitStore } from "./ports.ts";
import { FINAL, type Position, positionAsOf, positionNow, UPDATES } from "./position.ts";
import { KEY, type Query, type RevenueRequest, readRequest } from "./request.ts";

export type { RevenueRequest } from "./request.ts";

export interface RevenueWindow extends Figure {
  status: "final" | "provisional";
  /** how often the figure was made final, 1 if once; of a coarser window the highest of its parts; null while provisional */
  revision: number | null;
}

/** What an answer about revenue was made from. */
export interface RevenueSnapshot extends SnapshotStamp {
  /** every window that ends at or before it is final; null while none is */
  finalThrough: string | null;
  /** when the newest commit that counts was made; the same question with it as `as_of` is answered the same, however late */
  asOf: string | null;
}

export interface RevenueAnswer {
  items: RevenueWindow[];
  nextCursor: string | null;
  snapshot: RevenueSnapshot;
}

export interface Revenue {
  /** @throws Problem `invalid_request` naming every field that is wrong */
  windows(request: RevenueRequest): Promise<RevenueAnswer>;
}

/** What answers about revenue are made from. */
export interface RevenueParts {
  snapshots: Snapshots;
  commits: CommitStore;
  log: LogReader;
  clock: Clock;
  /** where a generation does not say */
  windowMs: number;
}

/** Revenue by window, plan tier, region and currency: final rows plus the summed updates of windows that are not final yet, now or as of a moment of the past. */
export function createRevenue(parts: RevenueParts): Revenue {
  return {
    async windows(request) {
      // Final rows first: the updates are then at least as new as what the final rows sum, and no window falls between the two.
      const answer = async (set: SnapshotSet) => {
        const query = readRequest(request, set.rules.windowMs ?? parts.windowMs);
        const position = await positionOf(parts, set, query, request.as_of);
        const rows = await selectFigures(set, query, position);
        const page = rows.slice(0, query.limit) as unknown as RevenueWindow[];
        const last = rows.length > query.limit ? page.at(-1) : undefined;
        const key = last && KEY.map((name) => last[name]);
        return {
          items: page,
          nextCursor: key === undefined ? null : writeCursor(query.shape, key),
          snapshot: snapshotOf(position),
        };
      };
      return parts.snapshots.read([FINAL, UPDATES], answer, momentOf(request));
    },
  };
}

/** The position that a request asks about. @throws Problem `invalid_request` where nothing is known of that moment */
export function positionOf(
  parts: RevenueParts,
  set: SnapshotSet,
  { asOf }: Pick<Query, "asOf">,
  text = "",
): Promise<Position> {
  const commits = new Commits(parts.commits, parts.log, set);
  return asOf === undefined
    ? positionNow(set, commits)
    : positionAsOf({ set, commits, clock: parts.clock }, asOf, text);
}

/**
 * When the tables are to be those that were live then; undefined for those that are live now. Those it is whose versions count, and
 * what cannot be read is refused with the rest of the request.
 */
export function momentOf({ as_of }: Pick<RevenueRequest, "as_of">): Date | undefined {
  const asOf = as_of === undefined ? undefined : readAsOf(as_of);
  return asOf !== undefined && "at" in asOf ? new Date(Number(asOf.at / 1000n)) : undefined;
}

export function snapshotOf({ stamp, finalThrough, asOf }: Position): RevenueSnapshot {
  return { ...stamp, finalThrough, asOf };
}
