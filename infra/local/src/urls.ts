import { controlPlaneUrl } from "./services/control-plane.ts";
import { registryUrl } from "./services/schema-registry.ts";
import { sparkMasterUiUrl } from "./services/spark.ts";
import type { Settings } from "./settings.ts";

/** Where people find things, a line each. */
export function urlLines(settings: Settings): string[] {
  const base = controlPlaneUrl(settings);
  return [
    `REST API         ${base}/docs`,
    ...(settings.access === "tokens" ? ["Access token     npm run token"] : []),
    `Revenue          ${base}/v1/revenue/windows?grain=5m&currency=USD`,
    `Spark master     ${sparkMasterUiUrl(settings)}`,
    `Schema registry  ${registryUrl(settings)}`,
    `Kafka            ${settings.host}:${settings.ports.kafka}`,
  ];
}
