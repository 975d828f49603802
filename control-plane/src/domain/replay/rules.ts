import { canonical } from "../canonical.ts";
import type { PipelineParameters } from "../manifest.ts";
import { type BoundedRules, ENDABLE_RULES, type EndableRules, type GenerationRules, reach } from "../specs/rules.ts";
import { sameValue } from "../specs/spec-change.ts";
import { behindAll, hasPassed, type OffsetVector, recordsBetween } from "./offsets.ts";
import { writeRules } from "./request.ts";

/** The rules that only some kinds of jobs can apply: a replay of the others cannot change them. */
const APPLIED_BY_SILVER: readonly string[] = ["allowedLatenessMs", "allowedSkewMs", "dedupHorizonMs", "aliases"];

export interface RuleChange {
  rule: string;
  from: unknown;
  to: unknown;
  /** the stretch of the topic for which it is another one; null: for all records */
  stretch: Stretch | null;
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
  /** the first record that is judged anew, where those before it are taken over; null: all records are */
  start: OffsetVector | null;
  /** the first record that the replay's rules are not for any more; null: they are for all that comes, too */
  end: OffsetVector | null;
}

type Stretch = Pick<BoundedRules, "from" | "to">;

/**
 * The rules of the new generation: what the manifest says by now, where the replay makes the rows anew that they decide, and what
 * the request says on top. They are for the records that are judged anew, up to the replay's end: those before it and behind it keep
 * the live ones, so that a later replay judges them as this one found them.
 */
export function plannedRules(sources: RuleSources): GenerationRules {
  const { parent, declared, requested, remakesSilver, start, end } = sources;
  if (!remakesSilver) return { ...parent, ...requested };
  if (end !== null) return withHorizon(endedRules(sources, { from: start, to: end }), sources);
  const rules = { ...parent, ...declared, ...requested };
  const names = Object.keys(requested);
  const bounded = start === null ? without(parent.bounded ?? [], names, null) : before(start, parent, rules, names);
  return withHorizon(withBounded(rules, bounded), sources);
}

function endedRules({ parent, declared, requested }: RuleSources, stretch: Stretch): GenerationRules {
  const rules = endable({ ...changedRules(parent, declared), ...requested });
  const kept = without(parent.bounded ?? [], Object.keys(rules), stretch);
  const own = Object.keys(rules).length === 0 ? [] : [{ ...stretch, rules }];
  const { dedupHorizonMs = parent.dedupHorizonMs } = requested;
  return withBounded({ ...parent, ...(dedupHorizonMs === undefined ? {} : { dedupHorizonMs }) }, [...own, ...kept]);
}

/** What keeps the verdicts of records that are taken over: stretches end at the start where the request decides from there on. */
function before(
  start: OffsetVector,
  parent: GenerationRules,
  rules: GenerationRules,
  requested: readonly string[],
): BoundedRules[] {
  const older = (parent.bounded ?? []).flatMap((stretch) => {
    const isOurs = (name: string) => requested.includes(name);
    const ended = { ...stretch, to: behindAll([stretch.to, start]), rules: pick(stretch.rules, isOurs) };
    const kept = { ...stretch, rules: pick(stretch.rules, (name) => !isOurs(name)) };
    return [...(isEmpty(ended) ? [] : [ended]), kept].filter((each) => Object.keys(each.rules).length > 0);
  });
  const present: GenerationRules = { aliases: {}, ...parent };
  const differ = endable(pick(present, (name) => name !== "bounded" && differs(rules, [name, present[name as Rule]])));
  return Object.keys(differ).length === 0 ? older : [...older, { from: null, to: start, rules: differ }];
}

/** The horizon that nobody asked for is no shorter than what the stretches need, if the live one was enough for them. */
function withHorizon(rules: GenerationRules, { parent, requested }: RuleSources): GenerationRules {
  const { dedupHorizonMs = 0 } = rules;
  const isEnough = requested.dedupHorizonMs !== undefined || dedupHorizonMs >= leastHorizonMs(rules);
  if (isEnough || parent.dedupHorizonMs === undefined) return rules;
  return { ...rules, dedupHorizonMs: Math.max(dedupHorizonMs, parent.dedupHorizonMs) };
}

function withBounded({ bounded: _, ...rules }: GenerationRules, bounded: BoundedRules[]): GenerationRules {
  return bounded.length === 0 ? rules : { ...rules, bounded };
}

type Rule = keyof GenerationRules;

function endable(rules: GenerationRules): EndableRules {
  const names: readonly string[] = ENDABLE_RULES;
  return pick(rules, (name) => names.includes(name));
}

function pick<T extends object>(rules: T, wanted: (name: string) => boolean): Partial<T> {
  const some = Object.entries(rules).filter(([name, value]) => wanted(name) && value !== undefined);
  return Object.fromEntries(some) as Partial<T>;
}

function isEmpty({ from, to }: Stretch): boolean {
  return recordsBetween(from ?? {}, to) === 0n;
}

/** Stretches without the rules that others decide about for all of their records. */
function without(bounded: readonly BoundedRules[], names: readonly string[], stretch: Stretch | null): BoundedRules[] {
  return bounded.flatMap((each) => {
    if (stretch !== null && !covers(stretch, each)) return [each];
    const rules = pick(each.rules, (name) => !names.includes(name));
    return Object.keys(rules).length === 0 ? [] : [{ ...each, rules }];
  });
}

function covers(whole: Stretch, part: Stretch): boolean {
  if (!hasPassed(whole.to, part.to)) return false;
  return whole.from === null || (part.from !== null && hasPassed(part.from, whole.from));
}

/** What the manifest declares otherwise than the live generation has it. */
export function changedRules(
  parent: GenerationRules,
  declared: Partial<PipelineParameters>,
): Partial<PipelineParameters> {
  return Object.fromEntries(Object.entries(declared).filter((rule) => differs(parent, rule)));
}

function differs(rules: GenerationRules, [name, value]: [string, unknown]): boolean {
  // A generation that an older release made says nothing of aliases: it has none.
  const present: GenerationRules = { aliases: {}, ...rules };
  return !sameValue(present[name as Rule], value);
}

/** Rules of the request that the replay cannot change, because what they decide is not made anew. */
export function rulesOutOfReach(requested: Partial<PipelineParameters>, remakesSilver: boolean): string[] {
  return remakesSilver ? [] : Object.keys(requested).filter((name) => APPLIED_BY_SILVER.includes(name));
}

/**
 * The least dedup horizon with which two accepted copies of an event are told apart in any replay: they lie at most lateness and
 * skew apart, each of them by any of the rules.
 */
export function leastHorizonMs(rules: GenerationRules): number {
  const { allowedLatenessMs, allowedSkewMs } = reach([rules]);
  return allowedLatenessMs + allowedSkewMs;
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

/** What holds in all of a stretch. */
function ofStretch({ bounded = [] }: GenerationRules, stretch: Stretch): Record<string, unknown> {
  const own = bounded.filter((each) => covers(each, stretch));
  return writeRules(Object.assign({}, ...own.toReversed().map(({ rules }) => rules)));
}

function differing(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  stretch: RuleChange["stretch"],
): RuleChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((rule) => !sameValue(before[rule], after[rule]))
    .map((rule) => ({ rule, from: before[rule] ?? null, to: after[rule] ?? null, stretch }));
}

function sameChange({ stretch: _, ...one }: RuleChange, { stretch: __, ...other }: RuleChange): boolean {
  return sameValue(one, other);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [canonical(value), value])).values()];
}
