import { formatDuration } from "../duration.ts";
import type { FreshnessRule, RowRule, VolumeRule } from "./rule.ts";

export type Verdict = "ok" | "breached" | "unknown";

/** How many rows a rule has looked at, and how many of them failed. */
export interface Counts {
  checked: bigint;
  failures: bigint;
}

/** A verdict with its figures in words. */
export interface Judgement {
  verdict: Verdict;
  detail: string;
}

/** The share of rows that failed; null where none was looked at. */
export function rateOf({ checked, failures }: Counts): number | null {
  return checked === 0n ? null : Number(failures) / Number(checked);
}

/** Judges the rows of a time. */
export function judgeCounts({ threshold }: Pick<RowRule, "threshold">, counts: Counts, within: string): Judgement {
  const { checked, failures } = counts;
  const rate = rateOf(counts);
  if (rate === null) return { verdict: "unknown", detail: `no row was looked at ${within}` };
  const figures = `${failures} of ${checked} rows (${percent(rate)}) ${within}`;
  if (threshold.rate === null) {
    const limit = threshold.count ?? 0;
    const breached = failures > BigInt(limit);
    return {
      verdict: breached ? "breached" : "ok",
      detail: `${figures}, ${breached ? "more than" : "at most"} ${limit}`,
    };
  }
  if (checked < BigInt(threshold.leastRows)) {
    return { verdict: "unknown", detail: `${figures}, fewer rows than the ${threshold.leastRows} that a rate needs` };
  }
  const breached = rate > threshold.rate;
  const limit = percent(threshold.rate);
  return {
    verdict: breached ? "breached" : "ok",
    detail: `${figures}, ${breached ? "more than" : "at most"} ${limit}`,
  };
}

/** What came in the interval and in the time before it; null: that time is not covered yet. */
export interface Volume {
  rows: bigint;
  baselineRows: bigint | null;
}

export function judgeVolume(rule: VolumeRule, { rows, baselineRows }: Volume): Judgement {
  const [interval, baseline] = [formatDuration(rule.intervalMs), formatDuration(rule.baselineMs)];
  if (baselineRows === null) {
    return { verdict: "unknown", detail: `${rows} rows in ${interval}; the ${baseline} before are not measured yet` };
  }
  const usual = (Number(baselineRows) * rule.intervalMs) / rule.baselineMs;
  if (usual === 0)
    return { verdict: "unknown", detail: `${rows} rows in ${interval}, and none in the ${baseline} before` };
  const ratio = Number(rows) / usual;
  const figures = `${rows} rows in ${interval}, ${ratio.toFixed(2)} of the average of the ${baseline} before (${usual.toFixed(1)})`;
  if (rule.leastRatio !== null && ratio < rule.leastRatio) {
    return { verdict: "breached", detail: `${figures}, less than ${rule.leastRatio}` };
  }
  if (rule.mostRatio !== null && ratio > rule.mostRatio) {
    return { verdict: "breached", detail: `${figures}, more than ${rule.mostRatio}` };
  }
  return { verdict: "ok", detail: figures };
}

/** @param ageMs how old the oldest record may be that is not measured; 0 when all are, null where that cannot be told */
export function judgeFreshness(rule: FreshnessRule, ageMs: number | null): Judgement {
  const limit = formatDuration(rule.maxAgeMs);
  if (ageMs === null) return { verdict: "unknown", detail: "how far the measuring has come cannot be told" };
  const age = ageMs === 0 ? "everything is measured" : `measured up to ${(ageMs / 1000).toFixed(1)} s ago`;
  return ageMs > rule.maxAgeMs
    ? { verdict: "breached", detail: `${age}, more than ${limit}` }
    : { verdict: "ok", detail: `${age}, at most ${limit}` };
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(3))} %`;
}
