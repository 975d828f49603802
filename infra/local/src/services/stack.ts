import { controlPlane } from "./control-plane.ts";
import { kafka } from "./kafka.ts";
import { postgres } from "./postgres.ts";
import { producer } from "./producer.ts";
import { schemaRegistry } from "./schema-registry.ts";
import type { Service, StackContext } from "./service.ts";
import { sparkMaster } from "./spark-master.ts";
import { sparkWorker } from "./spark-worker.ts";

/** The services of a stack that the settings ask for; the supervisor derives the order from what they depend on. */
export function stackServices(context: StackContext): Service[] {
  const { services, producerRate } = context.settings;
  const wanted = (name: string): boolean => services.includes(name) && (name !== "producer" || producerRate > 0);
  return [postgres, kafka, sparkMaster, schemaRegistry, sparkWorker, controlPlane, producer]
    .map((make) => make(context))
    .filter(({ name }) => wanted(name))
    .map((service) => ({ ...service, dependsOn: service.dependsOn.filter(wanted) }));
}
