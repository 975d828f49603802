import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { UsageError } from "../../producer/src/command-line.ts";
import { FAILPOINT_FOLDER } from "../faults/stage.ts";
import { withStack } from "../stack/stack.ts";
import { HELP, readReplayTestOptions } from "./options.ts";
import { Trial } from "./trial.ts";

const MANIFEST = "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml";
const startedAt = Date.now();

function tell(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

async function main(): Promise<number> {
  const options = readReplayTestOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
  tell(`Seed ${options.seed}`);
  const stackOptions = { name: "replay", manifest: MANIFEST, failpoints: FAILPOINT_FOLDER };
  const { broken } = await withStack(stackOptions, async (stack, signal) => {
    const found = await new Trial(stack, manifest, options, tell, signal).run();
    return { failed: found.length > 0, keep: options.keep, broken: found };
  });
  tell(broken.length === 0 ? "All promises were kept." : `${broken.length} promises were broken.`);
  return broken.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = error as Error;
  const isUsers = failure instanceof UsageError;
  console.error(isUsers ? failure.message : `The replay test failed: ${failure.message}`);
  process.exitCode = isUsers ? 2 : 1;
}
