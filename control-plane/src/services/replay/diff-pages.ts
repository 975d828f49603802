import { formatInstant } from "../../domain/delta/instant.ts";
import { invalidRequest, Problem } from "../../domain/problem.ts";
import { type DiffSummary, describeDiff, type RecordChange, type WindowChange } from "../../domain/replay/diff.ts";
import { readFilters } from "../../domain/revenue/dimensions.ts";
import { readRange } from "../../domain/revenue/range.ts";
import { readCursor, writeCursor } from "../cursor.ts";
import type { DiffStore, RecordFilter, RecordKey, WindowFilter, WindowKey } from "./comparison/ports.ts";

interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

export interface DiffPage<T> {
  items: T[];
  nextCursor: string | null;
  /** of the comparison: a cursor leads on in the same one only */
  comparedAt: string;
}

/** What replays were found to change, as people ask for it. */
export class DiffPages {
  private readonly store: DiffStore;

  constructor(store: DiffStore) {
    this.store = store;
  }

  /** @throws Problem `unknown_diff` */
  async summary(replay: string): Promise<DiffSummary & { text: string[] }> {
    const summary = await this.find(replay);
    return { ...summary, text: describeDiff(summary) };
  }

  /** @throws Problem `unknown_diff`; `invalid_request` naming every field that is wrong */
  async windows(replay: string, request: WindowFilter & PageRequest): Promise<DiffPage<WindowChange>> {
    const { filters, errors: filterErrors } = readFilters(request);
    const { range, errors } = readRange(request);
    if (filterErrors.length + errors.length > 0) throw invalidRequest([...filterErrors, ...errors]);
    const { comparedAt } = await this.find(replay);
    const shape = `diff windows ${replay} ${comparedAt}`;
    const after = readCursor(shape, ["instant", "instant", "text", "text", "text"], request.cursor) as
      | WindowKey
      | undefined;
    const text = (micros: bigint | undefined) => (micros === undefined ? undefined : formatInstant(micros));
    const filter = { kind: request.kind, ...filters, from: text(range.from), to: text(range.to) };
    const rows = await this.store.windows(replay, filter, request.limit + 1, after ?? null);
    const items = rows.slice(0, request.limit);
    const last = rows.length > request.limit ? items.at(-1) : undefined;
    const key = last && [last.window_start, last.window_end, last.plan_tier, last.region, last.currency];
    return { items, nextCursor: key === undefined ? null : writeCursor(shape, key), comparedAt };
  }

  /** @throws Problem `unknown_diff`, `invalid_request` */
  async records(replay: string, request: RecordFilter & PageRequest): Promise<DiffPage<RecordChange>> {
    const { comparedAt } = await this.find(replay);
    const shape = `diff records ${replay} ${comparedAt}`;
    const after = readCursor(shape, ["text", "integer", "bigint"], request.cursor) as RecordKey | undefined;
    const rows = await this.store.records(replay, request, request.limit + 1, after ?? null);
    const items = rows.slice(0, request.limit);
    const last = rows.length > request.limit ? items.at(-1) : undefined;
    const key = last && [last.topic, last.partition, last.offset];
    return { items, nextCursor: key === undefined ? null : writeCursor(shape, key), comparedAt };
  }

  private async find(replay: string): Promise<DiffSummary> {
    const summary = await this.store.find(replay);
    if (summary !== null) return summary;
    throw new Problem({
      status: 404,
      code: "unknown_diff",
      title: "There is no comparison of this replay",
      detail: `Replay ${replay} does not exist, or has not been compared with the live generation yet.`,
      next: "GET /v1/replays/{id} says how far it is; it is compared once it has caught up.",
    });
  }
}
