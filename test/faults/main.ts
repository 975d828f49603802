import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { UsageError } from "../../producer/src/command-line.ts";
import { MANIFEST } from "../integration/stack-setup.ts";
import { type Stack, withStack } from "../stack/stack.ts";
import { CATALOG } from "./catalog.ts";
import type { Fault } from "./fault.ts";
import { type FaultOptions, HELP, readFaultOptions } from "./options.ts";
import { describeOutcome, faultReport } from "./report.ts";
import { FAILPOINT_FOLDER } from "./stage.ts";
import { type Outcome, tryFault } from "./trial.ts";

const startedAt = Date.now();

function tell(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** Lets faults happen one after the other; a stack that did not keep a promise is left, and the rest get a new one. */
async function tryAll(faults: readonly Fault[], manifest: Manifest): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = [...faults];
  let seed = 1_000;
  const use = async (stack: Stack, signal: AbortSignal) => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      tell(`${fault.id}: ${fault.what}`);
      const outcome = await tryFault(fault, stack, manifest, () => seed++, tell, signal);
      outcomes.push(outcome);
      tell(describeOutcome(outcome));
      if (outcome.broken.length > 0) return { failed: true };
      if (fault.final) return { failed: false };
    }
    return { failed: false };
  };
  while (left.length > 0) await withStack(stackOptions(), use);
  return outcomes;
}

function stackOptions() {
  return { name: "faults", manifest: MANIFEST, failpoints: FAILPOINT_FOLDER };
}

async function run({ faults, seed, isSample, record }: FaultOptions): Promise<number> {
  const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
  if (isSample) tell(`Seed ${seed} chooses ${faults.map(({ id }) => id).join(", ")}; the same again: --seed ${seed}`);
  const outcomes = await tryAll(faults, manifest);
  const broken = outcomes.filter((outcome) => outcome.broken.length > 0);
  if (record) {
    const path = join(CHECKOUT, "docs", "faults.md");
    const before = existsSync(path) ? readFileSync(path, "utf8") : "";
    writeFileSync(path, faultReport(before, outcomes, new Date().toISOString().slice(0, 10)));
  }
  tell(
    broken.length === 0
      ? `${outcomes.length} faults survived, and every figure that can be compared is exact.`
      : `${broken.length} of ${outcomes.length} faults broke a promise: ${broken.map(({ fault }) => fault.id).join(", ")}`,
  );
  return broken.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const options = readFaultOptions(process.argv.slice(2));
  if (options === "help") console.log(HELP);
  else if (options === "list") {
    const width = Math.max(...CATALOG.map(({ id }) => id.length));
    for (const { id, what, long } of CATALOG) console.log(`${id.padEnd(width)}  ${what}${long ? " (long)" : ""}`);
  } else return await run(options);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = error as Error;
  const isUsers = failure instanceof UsageError;
  console.error(isUsers ? failure.message : `The fault tests failed: ${failure.message}`);
  process.exitCode = isUsers ? 2 : 1;
}
