import {
  type AnsweredWindow,
  compareOutcomes,
  compareWindows,
  type Difference,
  type OutcomeCounts,
} from "../../producer/src/oracle/comparison.ts";
import { expectTopic } from "../../producer/src/oracle/expect-topic.ts";
import type { AppliedOverride, Rules } from "../../producer/src/oracle/expectation.ts";
import type { Stack } from "./stack.ts";

/**
 * Compares every window and every count that REST answers with what the oracle works out from the topic.
 * @returns the differences; none when all is exact
 * @throws when the oracle expects nothing, so that there is nothing to compare
 */
export async function differences(stack: Stack, topic: string, rules: Rules): Promise<Difference[]> {
  const source = { brokers: stack.brokers, registry: stack.registryUrl, topic };
  const overrides = await stack.rest.all<AppliedOverride>("/v1/overrides", { state: "applied" });
  const expected = await expectTopic(source, rules, overrides);
  const windows = await stack.rest.all<AnsweredWindow>("/v1/revenue/windows");
  const outcomes = await stack.rest.get<OutcomeCounts>("/v1/audit/outcomes");
  if (expected.windows.length === 0) throw new Error(`The oracle expects no window of ${topic}.`);
  return [...compareOutcomes(expected, outcomes), ...compareWindows(expected.windows, windows)];
}
