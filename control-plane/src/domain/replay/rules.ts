import { canonical } from "../canonical.ts";
import type { PipelineParameters } from "../manifest.ts";
import { type BoundedRules, ENDABLE_RULES, type EndableRules, type GenerationRules } from "../specs/rules.ts";
import { hasPassed, type OffsetVector } from "./offsets.ts";
import { writeRules } from "./request.ts";

/** The rules that only some kinds of jobs can apply: a replay of the others cannot change them. */
const APPLIED_BY_SILVER: readonly string[] = ["allowedLatenessMs", "allowedSkewMs", "dedupHorizonMs", "aliases"];

export interface RuleChange {
  rule: string;
  from: unknown;
  to: unknown;
  /** the stretch of the topic for which it is another one; null: for all records */
  stretch: { from: OffsetVector | null; to: OffsetVector } | null;
}

/** What the rules of a new generation are made from. */
export interface RuleSources {
  /** of the generation that is live */
  parent: GenerationRules;
  /** that the manifest declares */
  declared: Partial<PipelineParameters>;
  /** of the request */
  requested: Partial<PipelineParameters>;
  remakesSilver: boolean;
  /** the stretch of the topic that the replay's rules are for; null: all that comes, too */
  stretch: Pick<BoundedRules, "from" | "to"> | null;
}

/**
 * The rules of the new generation: what the manifest says by now, where the replay makes the rows anew that they decide, and what
 * the request says on top. Of a replay that has an end these hold for its stretch of the topic, and the live ones for the rest.
 */
export function plannedRules({ parent, declared, requested, remakesSilver, stretch }: RuleSources): GenerationRules {
  if (stretch !== null) return endedRules({ parent, declared, requested, stretch });
  const rules = remakesSilver ? { ...parent, ...declared, ...requested } : { ...parent, ...requested };
  return withBounded(rules, without(parent.bounded ?? [], Object.keys(requested), null));
}

function endedRules({
  parent,
  declared,
  requested,
  stretch,
}: Pick<RuleSources, "parent" | "declared" | "requested"> & { stretch: Pick<BoundedRules, "from" | "to"> }) {
  const wanted = { ...changedRules(parent, declared), ...requested };
  const rules: EndableRules = Object.fromEntries(
    ENDABLE_RULES.filter((name) => wanted[name] !== undefined).map((name) => [name, wanted[name]]),
  );
  const { dedupHorizonMs = parent.dedupHorizonMs } = requested;
  const kept = without(parent.bounded ?? [], Object.keys(rules), stretch);
  const own = Object.keys(rules).length === 0 ? [] : [{ ...stretch, rules }];
  return withBounded({ ...parent, ...(dedupHorizonMs === undefined ? {} : { dedupHorizonMs }) }, [...own, ...kept]);
}

function withBounded({ bounded: _, ...rules }: GenerationRules, bounded: BoundedRules[]): GenerationRules {
  return bounded.length === 0 ? rules : { ...rules, bounded };
}

/** Stretches without the rules that others decide about for all of their records. */
function without(
  bounded: readonly BoundedRules[],
  names: readonly string[],
  stretch: RuleSources["stretch"],
): BoundedRules[] {
  return bounded.flatMap((each) => {
    if (stretch !== null && !covers(stretch, each)) return [each];
    const rules = Object.fromEntries(Object.entries(each.rules).filter(([name]) => !names.includes(name)));
    return Object.keys(rules).length === 0 ? [] : [{ ...each, rules }];
  });
}

function covers(whole: Pick<BoundedRules, "from" | "to">, part: BoundedRules): boolean {
  if (!hasPassed(whole.to, part.to)) return false;
  return whole.from === null || (part.from !== null && hasPassed(part.from, whole.from));
}

/** What the manifest declares otherwise than the live generation has it. */
export function changedRules(
  parent: GenerationRules,
  declared: Partial<PipelineParameters>,
): Partial<PipelineParameters> {
  // A generation that an older release made says nothing of aliases: it has none.
  const present: GenerationRules = { aliases: {}, ...parent };
  const differs = ([name, value]: [string, unknown]) =>
    canonical(present[name as keyof GenerationRules]) !== canonical(value);
  return Object.fromEntries(Object.entries(declared).filter(differs));
}

/** Rules of the request that the replay cannot change, because what they decide is not made anew. */
export function rulesOutOfReach(requested: Partial<PipelineParameters>, remakesSilver: boolean): string[] {
  return remakesSilver ? [] : Object.keys(requested).filter((name) => APPLIED_BY_SILVER.includes(name));
}

/**
 * The least dedup horizon with which two accepted copies of an event are told apart in any replay: they lie at most lateness and
 * skew apart, each of them by any of the rules.
 */
export function leastHorizonMs({ allowedLatenessMs = 0, allowedSkewMs = 0, bounded = [] }: GenerationRules): number {
  const most = (name: "allowedLatenessMs" | "allowedSkewMs", of: number) =>
    Math.max(of, ...bounded.map(({ rules }) => rules[name] ?? 0));
  return most("allowedLatenessMs", allowedLatenessMs) + most("allowedSkewMs", allowedSkewMs);
}

/** Rules that differ, by the names that manifests give them: first those for all records, then those for some. */
export function ruleChanges(present: GenerationRules, planned: GenerationRules): RuleChange[] {
  const [before, after] = [written(present), written(planned)];
  const all = differing(before, after, null);
  const stretches = [...(planned.bounded ?? []), ...(present.bounded ?? [])].map(({ from, to }) => ({ from, to }));
  const some = unique(stretches).flatMap((stretch) =>
    differing({ ...before, ...ofStretch(present, stretch) }, { ...after, ...ofStretch(planned, stretch) }, stretch),
  );
  return [...all, ...some.filter((change) => !all.some((other) => sameChange(other, change)))];
}

function written({ bounded: _, ...rules }: GenerationRules): Record<string, unknown> {
  return writeRules({ aliases: {}, ...rules });
}

function ofStretch({ bounded = [] }: GenerationRules, stretch: RuleChange["stretch"]): Record<string, unknown> {
  const own = bounded.filter(({ from, to }) => canonical({ from, to }) === canonical(stretch));
  return writeRules(Object.assign({}, ...own.toReversed().map(({ rules }) => rules)));
}

function differing(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  stretch: RuleChange["stretch"],
): RuleChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((rule) => canonical(before[rule]) !== canonical(after[rule]))
    .map((rule) => ({ rule, from: before[rule] ?? null, to: after[rule] ?? null, stretch }));
}

function sameChange({ stretch: _, ...one }: RuleChange, { stretch: __, ...other }: RuleChange): boolean {
  return canonical(one) === canonical(other);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [canonical(value), value])).values()];
}
