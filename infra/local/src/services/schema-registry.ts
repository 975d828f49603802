import { join } from "node:path";
import { cleanEnvironment, smallJvm } from "./environment.ts";
import { bodyOf } from "./readiness.ts";
import type { Service, StackContext } from "./service.ts";

/** The database in Postgres that the registry keeps its schemas in. */
export const REGISTRY_DATABASE = "registry";

/** The Confluent-compatible API of the registry. */
export function registryUrl({ hosts, ports }: StackContext["settings"]): string {
  return `http://${hosts.registry}:${ports.registry}/apis/ccompat/v7`;
}

/** Apicurio, with its schemas in Postgres. */
export function schemaRegistry({ settings, secrets }: StackContext): Service {
  const { hosts, ports, runtime } = settings;
  return {
    name: "schema-registry",
    dependsOn: ["postgres"],
    readyWithinMs: 120_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 4_000,
    launch: () => ({
      program: join(runtime.javaHome, "bin", "java"),
      args: [
        ...smallJvm(settings.registryHeap),
        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
        "-jar",
        join(runtime.registry, "quarkus-run.jar"),
      ],
      env: {
        ...cleanEnvironment(settings),
        QUARKUS_HTTP_HOST: hosts.registry,
        QUARKUS_HTTP_PORT: String(ports.registry),
        QUARKUS_MANAGEMENT_HOST: hosts.registry,
        QUARKUS_MANAGEMENT_PORT: String(ports.registryManagement),
        QUARKUS_SHUTDOWN_TIMEOUT: "2S",
        APICURIO_STORAGE_KIND: "sql",
        APICURIO_STORAGE_SQL_KIND: "postgresql",
        APICURIO_DATASOURCE_URL: `jdbc:postgresql://${hosts.postgres}:${ports.postgres}/${REGISTRY_DATABASE}`,
        APICURIO_DATASOURCE_USERNAME: "penstock",
        APICURIO_DATASOURCE_PASSWORD: secrets.postgresPassword,
        APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: "1",
        APICURIO_DATASOURCE_JDBC_MIN_SIZE: "1",
        APICURIO_DATASOURCE_JDBC_MAX_SIZE: "8",
      },
    }),
    isReady: async () => (await bodyOf(`${registryUrl(settings)}/subjects`)) !== null,
  };
}
