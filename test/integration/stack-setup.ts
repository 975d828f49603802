import type { TestProject } from "vitest/node";
import { FAILPOINT_FOLDER } from "../faults/stage.ts";
import { Stack } from "../stack/stack.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** the environment of the shared stack: what {@link Stack.attach} takes */
    stackEnvironment: Record<string, string>;
  }
}

/** The pipeline of the integration tests: windows and horizons of seconds, so that finality can be seen. */
export const MANIFEST = "test/pipelines/sales-seconds.yaml";

/** One real stack for all integration tests: starting it takes longer than any test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await Stack.prepare({
    name: "integration",
    manifest: MANIFEST,
    failpoints: FAILPOINT_FOLDER,
    environment: { PENSTOCK_RECONCILIATION_EVERY: "10s" },
  });
  try {
    await stack.up();
  } catch (error) {
    console.error((await stack.leave({ failed: true })) ?? "");
    throw error;
  }
  const entries = Object.entries(stack.environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  project.provide("stackEnvironment", Object.fromEntries(entries));
  return async () => {
    const failed = project.vitest.state.getCountOfFailedTests() > 0;
    const left = await stack.leave({ failed });
    if (left !== undefined) console.error(left);
  };
}
