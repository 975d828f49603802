import type { ReadFile } from "./credentials.ts";
import { KAFKA_SETTINGS, type KafkaSecurity, readKafkaSecurity } from "./kafka-security.ts";
import { REGISTRY_SETTINGS, type RegistryAccess, readRegistryAccess } from "./registry-access.ts";
import type { Complain, Environment } from "./setting-reader.ts";

/** How Kafka and the schema registry are reached, beside their addresses. */
export interface Connections {
  kafka: KafkaSecurity;
  registry: RegistryAccess;
  /** the environment from which a driver reads the same: no secret, but the paths of files that hold some */
  forDrivers: Record<string, string>;
}

/** A password that stands in a setting itself is not among them: what a driver is started with, the Spark master keeps. */
const FOR_DRIVERS = [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS].filter((name) => !name.endsWith("_PASSWORD"));

/**
 * Reads the settings; what is wrong is complained of, and no complaint quotes a secret.
 * @param absolute makes a path absolute: a driver runs in a folder of its own
 */
export function readConnections(
  env: Environment,
  complain: Complain,
  readFile: ReadFile,
  absolute: (path: string) => string,
): Connections {
  const read: ReadFile = (path) => readFile(absolute(path));
  const told = FOR_DRIVERS.flatMap((name) => {
    const value = env[name];
    return value ? [[name, name.endsWith("_FILE") ? absolute(value) : value] as const] : [];
  });
  return {
    kafka: readKafkaSecurity(env, complain, read),
    registry: readRegistryAccess(env, complain, read),
    forDrivers: Object.fromEntries(told),
  };
}
