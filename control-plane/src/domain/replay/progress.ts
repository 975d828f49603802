import { type OffsetVector, recordsBetween } from "./offsets.ts";

/** Where a shadow job stood at some moment. */
export interface Mark {
  at: Date;
  through: OffsetVector;
}

export interface JobProgress {
  /** records read, and those that there are to read now; both grow while records arrive */
  done: string;
  total: string;
  percent: number;
  /** over the time between the two marks; null where there is only one */
  rowsPerSecond: number | null;
  /** null where nothing moves, or the live job is faster */
  etaSeconds: number | null;
}

/**
 * How far a shadow job is on its way from where it began to where the live job is.
 * @param before an older mark of the shadow job, and of the live one at about the same time
 */
export function progressOf(
  start: OffsetVector,
  now: { shadow: Mark; live: Mark },
  before: { shadow: Mark; live: Mark } | null,
): JobProgress {
  const total = recordsBetween(start, now.live.through);
  const left = recordsBetween(now.shadow.through, now.live.through);
  const done = total > left ? total - left : 0n;
  const rowsPerSecond = before === null ? null : speed(before.shadow, now.shadow);
  const arriving = before === null ? 0 : (speed(before.live, now.live) ?? 0);
  const gain = (rowsPerSecond ?? 0) - arriving;
  return {
    done: String(done),
    total: String(total),
    percent: total === 0n ? 100 : Number((done * 10_000n) / total) / 100,
    rowsPerSecond: rowsPerSecond === null ? null : Math.round(rowsPerSecond * 10) / 10,
    etaSeconds: left === 0n ? 0 : gain > 0 ? Math.ceil(Number(left) / gain) : null,
  };
}

function speed(from: Mark, to: Mark): number | null {
  const seconds = (to.at.getTime() - from.at.getTime()) / 1_000;
  return seconds <= 0 ? null : Number(recordsBetween(from.through, to.through)) / seconds;
}
