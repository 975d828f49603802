import { elsewhere } from "./elsewhere.ts";
import { controlPlaneUrl } from "./services/control-plane.ts";
import { kafkaAddress } from "./services/kafka.ts";
import { registryUrl } from "./services/schema-registry.ts";
import { sparkMasterUiUrl } from "./services/spark.ts";
import type { Settings } from "./settings.ts";

/** Where people find things, a line each; what this stack does not run, where it uses it. */
export function urlLines(settings: Settings): string[] {
  const base = controlPlaneUrl(settings);
  const { PENSTOCK_REGISTRY_URL: registry, PENSTOCK_KAFKA_BROKERS: brokers } = elsewhere(
    process.env,
    settings.services,
  );
  return [
    `REST API         ${base}/docs`,
    ...(settings.access === "tokens" ? ["Access token     npm run token"] : []),
    `Revenue          ${base}/v1/revenue/windows?grain=5m&currency=USD`,
    `Spark master     ${sparkMasterUiUrl(settings)}`,
    `Schema registry  ${registry ?? registryUrl(settings)}`,
    `Kafka            ${brokers ?? kafkaAddress(settings)}`,
  ];
}
