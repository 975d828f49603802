import { Random } from "../../producer/src/random.ts";
import { controlPlaneFaults } from "./catalog/control-plane.ts";
import { dependencyFaults } from "./catalog/dependencies.ts";
import { jobFaults } from "./catalog/jobs.ts";
import { resourceFaults } from "./catalog/resources.ts";
import { sparkFaults } from "./catalog/spark.ts";
import { takeoverFaults } from "./catalog/takeover.ts";
import { topicFaults } from "./catalog/topic.ts";
import type { Fault } from "./fault.ts";

/** Every fault that Penstock promises to survive. */
export const CATALOG: readonly Fault[] = [
  ...controlPlaneFaults,
  ...takeoverFaults,
  ...sparkFaults,
  ...dependencyFaults,
  ...jobFaults,
  ...resourceFaults,
  ...topicFaults,
];

/** A sample for a short run: `count` of the faults that do not take minutes, chosen and ordered by the seed. */
export function sample(seed: number, count: number): Fault[] {
  const random = new Random(seed);
  return CATALOG.filter(({ long }) => long !== true)
    .map((fault) => ({ fault, key: random.fraction() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ fault }) => fault);
}
