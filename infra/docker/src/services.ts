import type { Service, StackContext } from "../../local/src/services/service.ts";
import { UserError } from "../../local/src/user-error.ts";
import { containerSecrets } from "./secrets.ts";
import { containerSettings } from "./settings.ts";

/** Loaded one at a time: an image holds the packages of its own services only. */
const SERVICES: Readonly<Record<string, () => Promise<(context: StackContext) => Service>>> = {
  postgres: async () => (await import("../../local/src/services/postgres.ts")).postgres,
  kafka: async () => (await import("../../local/src/services/kafka.ts")).kafka,
  "schema-registry": async () => (await import("../../local/src/services/schema-registry.ts")).schemaRegistry,
  "spark-master": async () => (await import("../../local/src/services/spark-master.ts")).sparkMaster,
  "spark-worker": async () => (await import("../../local/src/services/spark-worker.ts")).sparkWorker,
  "control-plane": async () => (await import("../../local/src/services/control-plane.ts")).controlPlane,
  producer: async () => (await import("../../local/src/services/producer.ts")).producer,
};

/** The service of that name in this container. @throws UserError when there is none */
export async function serviceNamed(name: string): Promise<Service> {
  const load = SERVICES[name];
  if (!load) throw new UserError(`"${name}" is no service: expected one of ${Object.keys(SERVICES).join(", ")}.`);
  const make = await load();
  return make({ settings: containerSettings(process.env), secrets: containerSecrets() });
}
