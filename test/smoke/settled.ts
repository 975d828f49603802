import { setTimeout as sleep } from "node:timers/promises";
import {
  type AnsweredWindow,
  compareOutcomes,
  compareWindows,
  type OutcomeCounts,
} from "../../producer/src/oracle/comparison.ts";
import type { Expectation } from "../../producer/src/oracle/expectation.ts";
import type { RestClient } from "../stack/rest-client.ts";

const SETTLED_WITHIN_MS = 15_000;

/**
 * What REST answers once it agrees with the oracle, or once that has taken too long: a window that was final and gets
 * one more event has its revision a moment after the batch.
 */
export async function settled(rest: RestClient, expected: Expectation, signal: AbortSignal) {
  const until = Date.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const windows = await rest.all<AnsweredWindow>("/v1/revenue/windows");
    const outcomes = await rest.get<OutcomeCounts>("/v1/audit/outcomes");
    const found = [...compareOutcomes(expected, outcomes), ...compareWindows(expected.windows, windows)];
    if (found.length === 0 || Date.now() > until) return { windows, outcomes, found };
    await sleep(500, undefined, { signal });
  }
}
