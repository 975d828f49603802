import type { PipelineParameters } from "../manifest.ts";
import { hasPassed, type OffsetVector } from "../replay/offsets.ts";

/** The rules that can hold for some records and not for others: each is asked of one record at a time. */
export const ENDABLE_RULES = ["allowedLatenessMs", "allowedSkewMs", "aliases"] as const;

export type EndableRules = Partial<Pick<PipelineParameters, (typeof ENDABLE_RULES)[number]>>;

/** Rules of a stretch of the topic: of a replay that had an end. */
export interface BoundedRules {
  /** the first record that they are for; null: the first of all */
  from: OffsetVector | null;
  /** the first record that they are not for any more */
  to: OffsetVector;
  rules: EndableRules;
}

/** The rules by which the rows of a generation are made. */
export type GenerationRules = Partial<PipelineParameters> & {
  /** what differs in some stretches; where they overlap the first that has a rule decides about it */
  bounded?: BoundedRules[];
};

/** The rules that decide about one record. */
export function rulesAt<T extends GenerationRules>(rules: T, partition: number, offset: string): T {
  const next = { [partition]: String(BigInt(offset) + 1n) };
  const holds = ({ from, to }: BoundedRules) =>
    hasPassed(limitedTo(partition, to), next) &&
    (from === null || hasPassed({ [partition]: offset }, limitedTo(partition, from)));
  const own = (rules.bounded ?? []).filter(holds).map((stretch) => stretch.rules);
  return Object.assign({}, rules, ...own.toReversed());
}

/** How late, and how far ahead, an event may be by any of these rules, in milliseconds. */
export function reach(all: readonly GenerationRules[]): { allowedLatenessMs: number; allowedSkewMs: number } {
  const each = all.flatMap(({ bounded = [], ...rules }) => [rules, ...bounded.map((stretch) => stretch.rules)]);
  return {
    allowedLatenessMs: Math.max(0, ...each.map(({ allowedLatenessMs = 0 }) => allowedLatenessMs)),
    allowedSkewMs: Math.max(0, ...each.map(({ allowedSkewMs = 0 }) => allowedSkewMs)),
  };
}

function limitedTo(partition: number, vector: OffsetVector): OffsetVector {
  return { [partition]: vector[partition] ?? "0" };
}
