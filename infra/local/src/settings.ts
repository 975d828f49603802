import { join, resolve } from "node:path";
import { type AccessMode, accessMode } from "../../../control-plane/src/domain/access.ts";
import { CHECKOUT } from "./root.ts";
import { SERVICE_NAMES } from "./service-names.ts";
import { count, type Environment, flag, memory, port, size, text } from "./setting-values.ts";
import { UserError } from "./user-error.ts";

/** Ports of one stack, with the setting that changes each. */
export const PORTS = {
  controlPlane: { setting: "PENSTOCK_PORT", standard: 8080, of: "the control plane" },
  kafka: { setting: "PENSTOCK_KAFKA_PORT", standard: 9092, of: "Kafka" },
  kafkaController: { setting: "PENSTOCK_KAFKA_CONTROLLER_PORT", standard: 9093, of: "Kafka's controller" },
  registry: { setting: "PENSTOCK_REGISTRY_PORT", standard: 8081, of: "the schema registry" },
  registryManagement: {
    setting: "PENSTOCK_REGISTRY_MANAGEMENT_PORT",
    standard: 8082,
    of: "the schema registry's management",
  },
  postgres: { setting: "PENSTOCK_POSTGRES_PORT", standard: 5433, of: "Postgres" },
  sparkMaster: { setting: "PENSTOCK_SPARK_MASTER_PORT", standard: 7077, of: "the Spark master" },
  sparkMasterRest: { setting: "PENSTOCK_SPARK_MASTER_REST_PORT", standard: 6066, of: "the Spark master's REST API" },
  sparkMasterUi: { setting: "PENSTOCK_SPARK_MASTER_UI_PORT", standard: 8090, of: "the Spark master's web page" },
  sparkWorker: { setting: "PENSTOCK_SPARK_WORKER_PORT", standard: 7078, of: "the Spark worker" },
  sparkWorkerUi: { setting: "PENSTOCK_SPARK_WORKER_UI_PORT", standard: 8091, of: "the Spark worker's web page" },
} as const;

export type PortName = keyof typeof PORTS;

/** The address that each service binds to and is reached at: one and the same here, each its own in containers. */
export type Hosts = Readonly<
  Record<"postgres" | "kafka" | "registry" | "sparkMaster" | "sparkWorker" | "controlPlane", string>
>;

/** What is installed, below the runtime folder. */
export interface RuntimePaths {
  readonly dir: string;
  readonly venv: string;
  readonly python: string;
  readonly javaHome: string;
  readonly sparkHome: string;
  readonly broker: string;
  readonly registry: string;
  readonly connectors: string;
}

/** Everything that describes one local stack. Memory and sizes are in bytes, paths are absolute. */
export interface Settings {
  readonly home: string;
  readonly runtime: RuntimePaths;
  readonly stateDir: string;
  readonly manifest: string;
  /** Loopback address of this machine, at which all services are. */
  readonly host: string;
  readonly hosts: Hosts;
  /** Address on which the control plane listens for people; beside `host`. */
  readonly listen: string;
  readonly access: AccessMode;
  readonly ports: Readonly<Record<PortName, number>>;
  /** The services to run; all of them unless somebody runs one by hand. */
  readonly services: readonly string[];
  readonly producerRate: number;
  readonly diskWarn: { readonly text: string; readonly bytes: number };
  readonly logSize: number;
  readonly kafkaHeap: string;
  readonly registryHeap: string;
  readonly sparkMasterHeap: string;
  readonly sparkWorkerHeap: string;
  readonly sparkWorkerCores: number;
  readonly sparkWorkerMemory: string;
}

/**
 * Reads the settings of the stack from environment variables.
 *
 * @throws UserError naming the setting, its value and what was expected
 */
export function readSettings(env: Environment): Settings {
  const host = loopback(env);
  const listen = text(env, "PENSTOCK_LISTEN", host);
  const home = resolve(CHECKOUT, text(env, "PENSTOCK_HOME", ".penstock"));
  return {
    home,
    runtime: runtimePaths(resolve(CHECKOUT, text(env, "PENSTOCK_RUNTIME_DIR", join(home, "runtime")))),
    stateDir: resolve(CHECKOUT, text(env, "PENSTOCK_STATE_DIR", join(home, "state"))),
    manifest: resolve(
      CHECKOUT,
      text(env, "PENSTOCK_MANIFEST", "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml"),
    ),
    host,
    hosts: {
      postgres: host,
      kafka: host,
      registry: host,
      sparkMaster: host,
      sparkWorker: host,
      controlPlane: host,
    },
    listen,
    access: access(env, listen),
    ports: readPorts(env),
    services: readServices(env),
    producerRate: count(env, "PENSTOCK_PRODUCER_RATE", 20, { least: 0, most: 1_000_000, unit: "events per second" }),
    diskWarn: size(env, "PENSTOCK_DISK_WARN", "5GB"),
    logSize: size(env, "PENSTOCK_LOG_SIZE", "20MB").bytes,
    kafkaHeap: memory(env, "PENSTOCK_KAFKA_HEAP", "256m"),
    registryHeap: memory(env, "PENSTOCK_REGISTRY_HEAP", "128m"),
    sparkMasterHeap: memory(env, "PENSTOCK_SPARK_MASTER_HEAP", "128m"),
    sparkWorkerHeap: memory(env, "PENSTOCK_SPARK_WORKER_HEAP", "128m"),
    sparkWorkerCores: count(env, "PENSTOCK_SPARK_WORKER_CORES", 6, { least: 1, most: 1024, unit: "cores" }),
    sparkWorkerMemory: memory(env, "PENSTOCK_SPARK_WORKER_MEMORY", "3g"),
  };
}

function runtimePaths(dir: string): RuntimePaths {
  const venv = join(dir, "venv");
  return {
    dir,
    venv,
    python: join(venv, "bin", "python3"),
    javaHome: join(dir, "java"),
    // A link into the venv, so that the path does not depend on the version of Python.
    sparkHome: join(dir, "spark"),
    broker: join(dir, "broker"),
    registry: join(dir, "registry"),
    connectors: join(dir, "connectors"),
  };
}

function loopback(env: Environment): string {
  const host = text(env, "PENSTOCK_HOST", "127.0.0.1");
  if (!/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)) {
    throw new UserError(
      `PENSTOCK_HOST is "${host}": expected an IPv4 loopback address such as 127.0.0.1, because these services ask nobody for a password. PENSTOCK_LISTEN lets the control plane listen on another one.`,
    );
  }
  return host;
}

function access(env: Environment, listen: string): AccessMode {
  const wish = text(env, "PENSTOCK_ACCESS", "auto");
  const mode = accessMode(listen, wish);
  if (typeof mode !== "object") return mode;
  const value = mode.setting === "PENSTOCK_LISTEN" ? listen : wish;
  throw new UserError(`${mode.setting} is "${value}": expected ${mode.expected}.`);
}

function readPorts(env: Environment): Record<PortName, number> {
  const offset = count(env, "PENSTOCK_PORT_OFFSET", 0, { least: 0, most: 56_000, unit: "ports" });
  const ports = {} as Record<PortName, number>;
  const settingOf = new Map<number, string>();
  for (const [name, { setting, standard }] of Object.entries(PORTS) as [PortName, (typeof PORTS)[PortName]][]) {
    const value = port(env, setting, standard + offset);
    const other = settingOf.get(value);
    if (other) throw new UserError(`${setting} and ${other} are both ${value}: each needs a port of its own.`);
    settingOf.set(value, setting);
    ports[name] = value;
  }
  return ports;
}

function readServices(env: Environment): readonly string[] {
  const names = text(env, "PENSTOCK_SERVICES", SERVICE_NAMES.join(","))
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  const unknown = names.find((name) => !SERVICE_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`PENSTOCK_SERVICES names "${unknown}": expected some of ${SERVICE_NAMES.join(", ")}.`);
  }
  return names;
}

/** True where the environment asks for no colours or redrawing. */
export function plainOutput(env: Environment): boolean {
  return flag(env, "NO_COLOR") || flag(env, "CI");
}
