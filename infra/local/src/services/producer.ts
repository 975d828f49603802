import { join } from "node:path";
import { CHECKOUT } from "../root.ts";
import { cleanEnvironment } from "./environment.ts";
import { nodeProgram } from "./node-program.ts";
import type { Service, StackContext } from "./service.ts";
import { ownSettings, stackEnvironment } from "./stack-environment.ts";

/** The program that produces events. */
export const PRODUCER_MAIN: string = join(CHECKOUT, "producer", "src", "main.ts");

/** Events that come without end, so that a fresh stack has something to show. */
export function producer(context: StackContext): Service {
  const { settings } = context;
  return {
    name: "producer",
    // The control plane makes the topic and registers the contract.
    dependsOn: ["control-plane"],
    readyWithinMs: 10_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 3_000,
    launch: () => ({
      ...nodeProgram(PRODUCER_MAIN, ["--rate", String(settings.producerRate), "--forever"]),
      env: { ...cleanEnvironment(settings), ...ownSettings(process.env), ...stackEnvironment(context) },
      cwd: CHECKOUT,
    }),
    isReady: async () => true,
  };
}
