import { ensureRuntime } from "../install/runtime.ts";
import { readSettings } from "../settings.ts";
import { type Check, checks, ON_REQUEST, PARTS, type TestPart } from "../testing/checks.ts";
import { addCounts, NO_TESTS, summaryLine, type TestCounts } from "../testing/counts.ts";
import { runCheck } from "../testing/run-check.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";

export const test: Command = {
  name: "test",
  summary: "linters, type checkers and all tests",
  help: `Usage: npm test [-- --only PART]

Runs Biome, the TypeScript compiler, ruff, mypy, pytest and vitest (unit tests, and integration tests on a real stack
of their own), up to the first that fails.

  --only PART   one of ${PARTS.join(", ")};
                ${ON_REQUEST.join(", ")} (replays, and kill -9 of a whole stack) runs only so`,
  async run(args) {
    const { values } = readOptions("test", args, { only: { type: "string" } });
    const only = readPart(values.only);
    const settings = readSettings(process.env);
    await ensureRuntime(settings.runtime, true);
    const chosen = checks(settings).filter(({ part }) =>
      only === undefined ? !ON_REQUEST.includes(part) : part === only,
    );
    let counts = NO_TESTS;
    let failed: Check | null = null;
    for (const check of chosen) {
      const started = Date.now();
      console.log(`\n== ${check.title}`);
      const outcome = await runCheck(check);
      counts = addCounts(counts, outcome.counts);
      console.log(
        `== ${check.title}: ${outcome.ok ? "ok" : "FAILED"} after ${((Date.now() - started) / 1000).toFixed(1)} s`,
      );
      if (outcome.ok) continue;
      failed = check;
      break;
    }
    return finish(failed, counts);
  },
};

function readPart(value: string | undefined): TestPart | undefined {
  const part = PARTS.find((candidate) => candidate === value);
  if (value !== undefined && !part) throw new UserError(`--only is "${value}": expected one of ${PARTS.join(", ")}.`);
  return part;
}

function finish(failed: Check | null, counts: TestCounts): number {
  if (failed) console.log(`\n${failed.title} failed; what comes after it did not run.`);
  // A check that is not a test counts as one failure, or the line would say that nothing failed.
  console.log(`\n${summaryLine(failed && counts.failed === 0 ? { ...counts, failed: 1 } : counts)}`);
  return failed ? 1 : 0;
}
