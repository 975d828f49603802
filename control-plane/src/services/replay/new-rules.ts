import { formatDuration } from "../../domain/duration.ts";
import type { PipelineParameters } from "../../domain/manifest.ts";
import { invalidRequest } from "../../domain/problem.ts";
import type { OffsetVector } from "../../domain/replay/offsets.ts";
import { type ReplayRequest, writeRules } from "../../domain/replay/request.ts";
import { leastHorizonMs, plannedRules, type RuleSources, rulesOutOfReach } from "../../domain/replay/rules.ts";
import type { GenerationRules } from "../../domain/specs/rules.ts";
import type { Span } from "./span.ts";

/**
 * The rules of the generation that a replay makes.
 * @throws Problem `invalid_request` where they cannot be applied, or nothing would end where the request has an end
 */
export function newRules(
  { from, rules: requested }: Pick<ReplayRequest, "from" | "rules">,
  { start, end, kafka }: Pick<Span, "start" | "end" | "kafka">,
  sources: Pick<RuleSources, "parent" | "declared" | "remakesSilver">,
): GenerationRules {
  // Of what a replay of bronze leaves out nothing is taken over.
  const takesOver = from.kind !== "beginning" && !kafka.needed;
  const rules = plannedRules({ ...sources, requested, start: takesOver ? start : null, end });
  if (end !== null) refuseNothingThatEnds(rules, end);
  if (sources.remakesSilver) refuseShortHorizon(rules);
  return rules;
}

/** @throws Problem `invalid_request` for rules that have decided already about what the replay reads */
export function refuseRulesOutOfReach({ rules, job }: Pick<ReplayRequest, "rules" | "job">, silver: boolean): void {
  const errors = rulesOutOfReach(rules, silver).map((name) => ({
    field: `body.rules.${name.replace(/Ms$/, "")}`,
    value: rules[name as keyof PipelineParameters],
    expected: `none: ${job} reads rows that this rule has decided already; replay the job that writes silver`,
  }));
  if (errors.length > 0) throw invalidRequest(errors);
}

function refuseNothingThatEnds({ bounded = [] }: GenerationRules, to: OffsetVector): void {
  if (bounded[0]?.to === to) return;
  const expected =
    "nothing, since no rule differs that could end there: name allowedLateness, allowedSkew or aliases in `rules`, or leave `to` out";
  throw invalidRequest([{ field: "body.to", value: to, expected }]);
}

/** What a manifest may not declare a replay may not make, either. */
function refuseShortHorizon(rules: GenerationRules): void {
  const { dedupHorizonMs } = rules;
  const least = leastHorizonMs(rules);
  if (dedupHorizonMs === undefined || dedupHorizonMs >= least) return;
  const expected = `at least allowedLateness + allowedSkew (${formatDuration(least)}): copies of an event can be accepted so far apart, and are told apart only as long as the horizon lasts`;
  const { dedupHorizon: value } = writeRules({ dedupHorizonMs });
  throw invalidRequest([{ field: "body.rules.dedupHorizon", value, expected }]);
}
