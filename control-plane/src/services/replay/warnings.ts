import type { KafkaFeasibility } from "../../domain/replay/feasibility.ts";
import type { OffsetVector } from "../../domain/replay/offsets.ts";
import type { ReplayRequest } from "../../domain/replay/request.ts";
import type { ReplayScope } from "../../domain/replay/scope.ts";
import type { JobRow } from "../rows.ts";

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
    const where = Object.entries(start).map(([partition, offset]) => `${partition}: ${offset}`);
    warnings.push(
      `The new generation has no record before these offsets (${where.join(", ")}); windows of that time are missing in it.`,
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
  const where = Object.entries(start).map(([partition, offset]) => `${partition}: ${offset}`);
  return [
    `${records} records before these offsets (${where.join(", ")}) are taken over as generation ${parent} has them: rules, schemas and code of now apply from there on.`,
  ];
}
