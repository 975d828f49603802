import type { Figure } from "../revenue/figure.ts";
import type { Header } from "./outgoing-record.ts";
import { ownHeaders } from "./outgoing-record.ts";

/** A row of final windows. */
export interface FinalWindow extends Figure {
  /** ISO-8601 */
  finalized_at: string;
  revision: number;
}

/** What a figure is of: the same for all its revisions, so that a compacted topic keeps the newest. */
export function windowKey({ window_start, plan_tier, region, currency }: FinalWindow): string {
  return [window_start, plan_tier, region, currency].join("|");
}

export function windowHeaders(window: FinalWindow, generation: number): Header[] {
  return ownHeaders({
    id: `${generation}/${windowKey(window)}/${window.revision}`,
    revision: window.revision,
    generation,
  });
}

/** Place of a row in the order in which rows are sent: the batch that made it final, then its key. */
export interface WindowPosition {
  batch: string;
  key: [windowStart: string, planTier: string, region: string, currency: string, revision: number];
}

/** Reads what was saved. @throws Error when it is something else */
export function readWindowPosition(json: unknown): WindowPosition {
  const { batch, key } = (json ?? {}) as Partial<WindowPosition>;
  const isPosition =
    /^-?\d+$/.test(String(batch)) &&
    Array.isArray(key) &&
    key.length === 5 &&
    key.slice(0, 4).every((part) => typeof part === "string") &&
    Number.isSafeInteger(key[4]);
  if (!isPosition) throw new Error(`no position among windows: ${JSON.stringify(json)}`);
  return json as WindowPosition;
}
