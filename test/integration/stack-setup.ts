import type { TestProject } from "vitest/node";
import { startWebhookServer } from "../../control-plane/test/fixtures/webhook-server.ts";
import { FAILPOINT_FOLDER } from "../faults/stage.ts";
import { Stack } from "../stack/stack.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** the environment of the shared stack: what {@link Stack.attach} takes */
    stackEnvironment: Record<string, string>;
    /** where the stack tells its alerts; a GET answers what came */
    webhookUrl: string;
  }
}

/** The pipeline of the integration tests: windows and horizons of seconds, so that finality can be seen. */
export const MANIFEST = "test/pipelines/sales-seconds.yaml";

/** One real stack for all integration tests: starting it takes longer than any test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const webhook = await startWebhookServer();
  const stack = await Stack.prepare({
    name: "integration",
    manifest: MANIFEST,
    failpoints: FAILPOINT_FOLDER,
    environment: { PENSTOCK_RECONCILIATION_EVERY: "10s", PENSTOCK_ALERT_WEBHOOK_URL: webhook.url },
  });
  try {
    await stack.up();
  } catch (error) {
    console.error((await stack.leave({ failed: true })) ?? "");
    await webhook.close();
    throw error;
  }
  const entries = Object.entries(stack.environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  project.provide("stackEnvironment", Object.fromEntries(entries));
  project.provide("webhookUrl", webhook.url);
  return async () => {
    const failed = project.vitest.state.getCountOfFailedTests() > 0;
    const left = await stack.leave({ failed });
    await webhook.close();
    if (left !== undefined) console.error(left);
  };
}
