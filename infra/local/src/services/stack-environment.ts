import { join } from "node:path";
import { ACCESS, elsewhere } from "../elsewhere.ts";
import { CHECKOUT } from "../root.ts";
import { kafkaAddress } from "./kafka.ts";
import { databaseUrl } from "./postgres.ts";
import { registryUrl } from "./schema-registry.ts";
import type { StackContext } from "./service.ts";
import { sparkMasterUiUrl, sparkMasterUrl } from "./spark.ts";

/** What the control plane, the producer and the smoke test learn of the stack: docs/contracts.md, section 1. */
export function stackEnvironment(context: StackContext): Record<string, string> {
  const { settings, secrets } = context;
  const { host, hosts, listen, access, ports, runtime, stateDir } = settings;
  return {
    PENSTOCK_HOST: host,
    PENSTOCK_LISTEN: listen,
    PENSTOCK_ACCESS: access,
    PENSTOCK_PORT: String(ports.controlPlane),
    PENSTOCK_MANIFEST: settings.manifest,
    PENSTOCK_HOME: settings.home,
    PENSTOCK_RUNTIME_DIR: runtime.dir,
    PENSTOCK_STATE_DIR: stateDir,
    PENSTOCK_DISK_WARN: settings.diskWarn.text,
    PENSTOCK_DATABASE_URL: databaseUrl(context),
    PENSTOCK_KAFKA_BROKERS: kafkaAddress(settings),
    PENSTOCK_REGISTRY_URL: registryUrl(settings),
    PENSTOCK_SPARK_MASTER_URL: sparkMasterUrl(settings),
    PENSTOCK_SPARK_MASTER_REST_URL: `http://${hosts.sparkMaster}:${ports.sparkMasterRest}`,
    PENSTOCK_SPARK_MASTER_UI_URL: sparkMasterUiUrl(settings),
    PENSTOCK_SPARK_REST_SECRET_FILE: secrets.sparkRestSecretFile,
    PENSTOCK_RUNNER_TOKEN_FILE: secrets.runnerTokenFile,
    PENSTOCK_ADMIN_TOKEN_FILE: secrets.adminTokenFile,
    PENSTOCK_LAKE_DIR: join(stateDir, "lake"),
    PENSTOCK_CHECKPOINT_DIR: join(stateDir, "checkpoints"),
    PENSTOCK_PYTHON: runtime.python,
    PENSTOCK_JAVA_HOME: runtime.javaHome,
    PENSTOCK_SPARK_JOBS_DIR: join(CHECKOUT, "spark_jobs"),
    PENSTOCK_SPARK_JARS_DIR: runtime.connectors,
    // What a user exported for services elsewhere must not decide how the stack's own are reached: empty is not set.
    ...Object.fromEntries(ACCESS.map((name) => [name, ""])),
    ...elsewhere(process.env, settings.services),
  };
}

/** Settings of the control plane or the producer that the launcher knows nothing of reach them as they are. */
export function ownSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith("PENSTOCK_") && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
