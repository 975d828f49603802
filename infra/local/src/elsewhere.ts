import type { Environment } from "./setting-values.ts";

/**
 * What names a service that runs elsewhere, and how it is reached. The control plane has the same list; images of other services have hardly
 * a file of it, so a test keeps both in agreement.
 */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  kafka: [
    "PENSTOCK_KAFKA_BROKERS",
    "PENSTOCK_KAFKA_SECURITY",
    "PENSTOCK_KAFKA_SASL_MECHANISM",
    "PENSTOCK_KAFKA_USERNAME",
    "PENSTOCK_KAFKA_PASSWORD",
    "PENSTOCK_KAFKA_PASSWORD_FILE",
    "PENSTOCK_KAFKA_CA_FILE",
    "PENSTOCK_KAFKA_CERT_FILE",
    "PENSTOCK_KAFKA_KEY_FILE",
  ],
  "schema-registry": [
    "PENSTOCK_REGISTRY_URL",
    "PENSTOCK_REGISTRY_USERNAME",
    "PENSTOCK_REGISTRY_PASSWORD",
    "PENSTOCK_REGISTRY_PASSWORD_FILE",
    "PENSTOCK_REGISTRY_CA_FILE",
  ],
  postgres: ["PENSTOCK_DATABASE_URL"],
};
const [BROKERS, REGISTRY, DATABASE] = ["PENSTOCK_KAFKA_BROKERS", "PENSTOCK_REGISTRY_URL", "PENSTOCK_DATABASE_URL"];

/** Every setting of services elsewhere. */
export const ELSEWHERE: readonly string[] = Object.values(SETTINGS).flat();

/** Of those, the ones that say how a service is reached; the stack's own services ask for nothing of the kind. */
export const ACCESS: readonly string[] = ELSEWHERE.filter((name) => ![BROKERS, REGISTRY, DATABASE].includes(name));

/** Those that the environment gives for services which this stack does not run. */
export function elsewhere(env: Environment, services: readonly string[]): Record<string, string> {
  const names = Object.entries(SETTINGS).flatMap(([service, settings]) => (services.includes(service) ? [] : settings));
  return given(env, names);
}

/** Those of some settings that have a value. */
export function given(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}
