import { networkInterfaces } from "node:os";
import type { Environment } from "../../local/src/setting-values.ts";
import { readSettings, type Settings } from "../../local/src/settings.ts";

/**
 * The settings of the stack as one of its containers sees them: each service is at its name in the compose file, but a
 * worker, of which there may be several: it says its own address, and the master and the drivers call it there.
 */
export function containerSettings(env: Environment): Settings {
  return {
    // Who may reach it from outside is for the published port to say.
    ...readSettings({ ...env, PENSTOCK_LISTEN: "0.0.0.0" }),
    hosts: {
      postgres: "postgres",
      kafka: "kafka",
      registry: "schema-registry",
      sparkMaster: "spark-master",
      sparkWorker: ownAddress(),
      controlPlane: "control-plane",
    },
  };
}

/** The container's address on its first network. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
