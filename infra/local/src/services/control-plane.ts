import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { allGone, isRunner, stackProcesses } from "../leftovers.ts";
import { signal } from "../processes.ts";
import { CHECKOUT } from "../root.ts";
import { cleanEnvironment } from "./environment.ts";
import { nodeProgram } from "./node-program.ts";
import { bodyOf } from "./readiness.ts";
import type { Service, StackContext } from "./service.ts";
import { ownSettings, stackEnvironment } from "./stack-environment.ts";

/** Where the control plane answers. */
export function controlPlaneUrl({ hosts, ports }: StackContext["settings"]): string {
  return `http://${hosts.controlPlane}:${ports.controlPlane}`;
}

/** The control plane. */
export function controlPlane(context: StackContext): Service {
  const { settings } = context;
  return {
    name: "control-plane",
    dependsOn: ["postgres", "kafka", "schema-registry", "spark-worker"],
    readyWithinMs: 120_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 4_000,
    async prepare() {
      for (const folder of ["lake", "checkpoints"]) mkdirSync(join(settings.stateDir, folder), { recursive: true });
    },
    // While the control plane is there to take what the runners certify at their end.
    beforeShutdown: (deadline) => drainRunners(settings.stateDir, deadline),
    launch: () => ({
      ...nodeProgram(join(CHECKOUT, "control-plane", "src", "main.ts")),
      env: { ...cleanEnvironment(settings), ...ownSettings(process.env), ...stackEnvironment(context) },
      cwd: CHECKOUT,
    }),
    async isReady() {
      return (await bodyOf(`${controlPlaneUrl(settings)}/readyz`)) !== null;
    },
  };
}

const DRAIN_WITHIN_MS = 8_000;

async function drainRunners(stateDir: string, deadline: number): Promise<void> {
  const runners = stackProcesses(stateDir).filter(isRunner);
  for (const runner of runners) signal(runner, "SIGTERM");
  await allGone(runners, Math.min(DRAIN_WITHIN_MS, Math.max(0, deadline - Date.now())));
}
