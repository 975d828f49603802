import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ACCESS, elsewhere, given } from "../elsewhere.ts";
import { smallJvm } from "./environment.ts";
import { bodyOf } from "./readiness.ts";
import type { Service, StackContext } from "./service.ts";
import {
  properties,
  sparkClassPath,
  sparkEnvironment,
  sparkFolders,
  sparkMasterUiUrl,
  sparkMasterUrl,
} from "./spark.ts";

const KEEP_FINISHED_SECONDS = 2 * 24 * 3600;

/** The worker that starts drivers and executors. */
export function sparkWorker({ settings }: StackContext): Service {
  const { ports, runtime } = settings;
  const host = settings.hosts.sparkWorker;
  const folders = sparkFolders(settings.stateDir);
  const propertiesFile = join(folders.conf, "worker.properties");
  return {
    name: "spark-worker",
    dependsOn: ["spark-master"],
    // Drivers live below the worker and use both.
    stopsBefore: ["kafka", "schema-registry"],
    // It registers as soon as it runs, or never.
    readyWithinMs: 45_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 4_000,
    async prepare() {
      await masterAccepts(sparkMasterUiUrl(settings));
      for (const folder of [folders.conf, folders.work, folders.local]) mkdirSync(folder, { recursive: true });
      writeFileSync(propertiesFile, WORKER_PROPERTIES, { mode: 0o600 });
    },
    launch: () => ({
      program: join(runtime.javaHome, "bin", "java"),
      args: [
        ...smallJvm(settings.sparkWorkerHeap),
        ...sparkClassPath(settings),
        "org.apache.spark.deploy.worker.Worker",
        ...["--host", host, "--port", String(ports.sparkWorker), "--webui-port", String(ports.sparkWorkerUi)],
        ...["--cores", String(settings.sparkWorkerCores), "--memory", settings.sparkWorkerMemory],
        ...["--work-dir", folders.work, "--properties-file", propertiesFile, sparkMasterUrl(settings)],
      ],
      // Drivers inherit it, and so a password that stands in no file.
      env: { ...sparkEnvironment(settings, host), ...given(elsewhere(process.env, settings.services), ACCESS) },
    }),
    async isReady() {
      const state = await bodyOf(`${sparkMasterUiUrl(settings)}/json/`);
      const workers: { port: number; state: string }[] = state === null ? [] : JSON.parse(state).workers;
      return workers.some((worker) => worker.port === ports.sparkWorker && worker.state === "ALIVE");
    },
  };
}

const RECOVERED_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 500;

/**
 * Waits while the master looks for what it knew before it was restarted. It tells the address of the worker that died
 * that it is back; a new worker there takes that for the answer to its registration, and is never registered.
 */
async function masterAccepts(uiUrl: string): Promise<void> {
  const deadline = Date.now() + RECOVERED_WITHIN_MS;
  while (Date.now() < deadline) {
    const state = await bodyOf(`${uiUrl}/json/`);
    if (state !== null && JSON.parse(state).status === "ALIVE") return;
    await delay(LOOK_AGAIN_MS);
  }
}

const WORKER_PROPERTIES = properties({
  "spark.worker.cleanup.enabled": "true",
  "spark.worker.cleanup.interval": "1800",
  "spark.worker.cleanup.appDataTtl": String(KEEP_FINISHED_SECONDS),
  "spark.worker.ui.retainedDrivers": "50",
  "spark.worker.ui.retainedExecutors": "50",
  "spark.executor.logs.rolling.strategy": "size",
  "spark.executor.logs.rolling.maxSize": "20000000",
  "spark.executor.logs.rolling.maxRetainedFiles": "3",
  "spark.ui.killEnabled": "false",
  "spark.port.maxRetries": "0",
});
