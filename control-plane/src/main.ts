import { readFileSync } from "node:fs";
import { silenceKafkajsTimeoutWarning } from "./adapters/kafkajs-warning.ts";
import { trustCertificates } from "./adapters/trusted-certificates.ts";
import { ConfigError, readConfig } from "./config.ts";
import { createControlPlane } from "./control-plane.ts";
import { RulesError } from "./domain/dq/rules-file.ts";
import { ManifestError, parseManifest } from "./domain/manifest.ts";
import { createLogger } from "./logger.ts";

const SHUTDOWN_LIMIT_MS = 10_000;

async function main(): Promise<void> {
  silenceKafkajsTimeoutWarning();
  const config = readConfig(process.env);
  if (config.connections.registry.ca !== null) trustCertificates(config.connections.registry.ca);
  const manifest = parseManifest(readFileSync(config.manifestPath, "utf8"));
  const logger = createLogger(config.logLevel);
  const controlPlane = await createControlPlane(config, manifest, logger);
  stopOnSignals(async (signal) => {
    logger.info({ signal }, "stopping; Spark applications go on");
    await controlPlane.stop();
    logger.info({}, "stopped");
  });
  await controlPlane.start();
}

/** The first signal stops in phases, a second one or the time limit at once. */
function stopOnSignals(stop: (signal: string) => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref();
      stop(signal).then(() => process.exit(0));
    });
  }
}

/** A mistake in the settings or the manifest is a sentence, never a stack trace. */
function fail(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isExpected =
    [ConfigError, ManifestError, RulesError].some((kind) => error instanceof kind) ||
    code === "EADDRINUSE" ||
    code === "ENOENT";
  process.stderr.write(`${error instanceof Error ? (isExpected ? error.message : error.stack) : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
