import type { PipelineParameters } from "../../domain/manifest.ts";
import type { KafkaFeasibility } from "../../domain/replay/feasibility.ts";
import { listed, type OffsetVector } from "../../domain/replay/offsets.ts";
import { type ReplayRequest, writeRules } from "../../domain/replay/request.ts";
import { changedRules } from "../../domain/replay/rules.ts";
import type { ReplayScope } from "../../domain/replay/scope.ts";
import { ENDABLE_RULES, type GenerationRules } from "../../domain/specs/rules.ts";
import type { JobRow } from "../rows.ts";
import type { Span } from "./span.ts";

/** What somebody should know of a plan, in sentences. */
export function warningsOf(
  { from }: ReplayRequest,
  kafka: KafkaFeasibility,
  start: OffsetVector,
  jobs: readonly JobRow[],
  scope: ReplayScope,
): string[] {
  const warnings: string[] = [];
  if (kafka.needed && from.kind !== "beginning") {
    warnings.push(
      `The new generation has no record before these offsets (${listed(start)}); windows of that time are missing in it.`,
    );
  }
  for (const { id, state, reason } of jobs.filter((job) => scope.jobs.includes(job.id))) {
    if (state === "FAILED") warnings.push(`The live job ${id} is FAILED: ${reason ?? "no reason is known"}.`);
  }
  return warnings;
}

/** @param records that lie before the start, and which are taken over */
export function inheritedText(records: bigint, start: OffsetVector, parent: number): string[] {
  if (records === 0n) return [];
  return [
    `${records} records before these offsets (${listed(start)}) are taken over as generation ${parent} has them: rules, schemas and code of now apply from there on.`,
  ];
}

/** @param rules of the new generation, some of which end there */
export function endText(
  end: OffsetVector,
  rules: GenerationRules,
  declared: Partial<PipelineParameters>,
  requested: ReplayRequest["rules"],
): string[] {
  const ended = Object.keys(writeRules(rules.bounded?.[0]?.rules ?? {}));
  const ends: readonly string[] = ENDABLE_RULES;
  const ignored = Object.keys(changedRules(rules, declared)).filter(
    (name) => !ends.includes(name) && !(name in requested),
  );
  const names = ignored.map((name) => name.replace(/Ms$/, ""));
  return [
    `Of the new rules ${ended.join(", ")} end at these offsets (${listed(end)}): records from there on are judged as the live generation judges them. They are read again all the same, since what is accepted before decides what is a duplicate after it.`,
    ...(ignored.length === 0
      ? []
      : [`What the manifest declares otherwise cannot end, and is left out: ${names.join(", ")}.`]),
  ];
}

/** @param rules of the new generation, whose stretches are told of but for the replay's own, of which there are other texts */
export function stretchText({ bounded = [] }: GenerationRules, { start, end }: Pick<Span, "start" | "end">): string[] {
  return bounded
    .filter(({ to }) => to !== end && to !== start)
    .map(({ from, to, rules }) => {
      const said = Object.entries(writeRules(rules)).map(
        ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      const where = from === null ? `before these offsets (${listed(to)})` : `from ${listed(from)} up to ${listed(to)}`;
      return `Records ${where} keep ${said.join(", ")}; what \`rules\` says without an end is for all records that are read.`;
    });
}
