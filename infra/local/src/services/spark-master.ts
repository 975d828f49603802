import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { smallJvm } from "./environment.ts";
import { acceptsConnections, bodyOf } from "./readiness.ts";
import type { Service, StackContext } from "./service.ts";
import { properties, sparkClassPath, sparkEnvironment, sparkFolders, sparkMasterUiUrl } from "./spark.ts";

/** The master of the Spark cluster: its REST API asks for a signed token, and its web page kills nothing. */
export function sparkMaster({ settings, secrets }: StackContext): Service {
  const { ports, runtime } = settings;
  const host = settings.hosts.sparkMaster;
  const folders = sparkFolders(settings.stateDir);
  const propertiesFile = join(folders.conf, "master.properties");
  return {
    name: "spark-master",
    dependsOn: [],
    readyWithinMs: 120_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 3_000,
    async prepare() {
      mkdirSync(folders.conf, { recursive: true, mode: 0o700 });
      mkdirSync(folders.recovery, { recursive: true });
      // The signing key stands in here: another's copy of a command line must not show it.
      rmSync(propertiesFile, { force: true });
      writeFileSync(
        propertiesFile,
        masterProperties(ports.sparkMasterRest, folders.recovery, secrets.sparkRestSecret),
        { mode: 0o600 },
      );
    },
    launch: () => ({
      program: join(runtime.javaHome, "bin", "java"),
      args: [
        ...smallJvm(settings.sparkMasterHeap),
        ...sparkClassPath(settings),
        "org.apache.spark.deploy.master.Master",
        ...["--host", host, "--port", String(ports.sparkMaster), "--webui-port", String(ports.sparkMasterUi)],
        ...["--properties-file", propertiesFile],
      ],
      env: sparkEnvironment(settings, host),
    }),
    async isReady() {
      const state = await bodyOf(`${sparkMasterUiUrl(settings)}/json/`);
      return (
        state !== null &&
        JSON.parse(state).status === "ALIVE" &&
        (await acceptsConnections(host, ports.sparkMasterRest))
      );
    },
  };
}

/**
 * What the master remembers is of use only while its applications live. When nothing of the stack lives any more it
 * would look for dead ones for 20 seconds and more before it accepts new ones.
 */
export function forgetApplications(stateDir: string): void {
  rmSync(sparkFolders(stateDir).recovery, { recursive: true, force: true });
}

function masterProperties(restPort: number, recovery: string, key: string): string {
  return properties({
    "spark.master.rest.enabled": "true",
    "spark.master.rest.port": String(restPort),
    "spark.master.rest.filters": "org.apache.spark.ui.JWSFilter",
    "spark.org.apache.spark.ui.JWSFilter.param.secretKey": key,
    "spark.master.useDriverIdAsAppName.enabled": "true",
    "spark.deploy.recoveryMode": "FILESYSTEM",
    "spark.deploy.recoveryDirectory": recovery,
    // Who lives answers within a second; for the dead ones nothing can be submitted meanwhile (a minute, left alone).
    "spark.deploy.recoveryTimeout": "15s",
    "spark.deploy.retainedApplications": "50",
    "spark.deploy.retainedDrivers": "50",
    "spark.ui.killEnabled": "false",
    // A port that is taken is an error here, not a reason to take the next one.
    "spark.port.maxRetries": "0",
  });
}
