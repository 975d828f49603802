import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runQuietly } from "../install/run-quietly.ts";
import { CHECKOUT } from "../root.ts";
import { cleanEnvironment, smallJvm } from "./environment.ts";
import { acceptsConnections } from "./readiness.ts";
import type { Service, StackContext } from "./service.ts";

/** Where the broker answers. */
export function kafkaAddress({ hosts, ports }: StackContext["settings"]): string {
  return `${hosts.kafka}:${ports.kafka}`;
}

/** A Kafka broker that is its own controller (KRaft). */
export function kafka({ settings }: StackContext): Service {
  const { ports, runtime } = settings;
  const host = settings.hosts.kafka;
  const folder = join(settings.stateDir, "kafka");
  const properties = join(folder, "server.properties");
  const java = join(runtime.javaHome, "bin", "java");
  const classPath = ["-cp", join(runtime.broker, "*")];
  const logging = `-Dlog4j2.configurationFile=${join(CHECKOUT, "infra", "local", "config", "kafka-log4j2.properties")}`;
  return {
    name: "kafka",
    dependsOn: [],
    readyWithinMs: 120_000,
    stopSignal: "SIGTERM",
    stopWithinMs: 6_000,
    async prepare() {
      mkdirSync(folder, { recursive: true });
      writeFileSync(properties, serverProperties(host, ports.kafka, ports.kafkaController, join(folder, "data")));
      if (existsSync(join(folder, "data", "meta.properties"))) return;
      await runQuietly(
        "Formatting Kafka's storage",
        java,
        [
          ...smallJvm("128m"),
          logging,
          ...classPath,
          "kafka.tools.StorageTool",
          "format",
          "--standalone",
          "-t",
          clusterId(),
          "-c",
          properties,
        ],
        { env: cleanEnvironment(settings) },
      );
    },
    launch: () => ({
      program: java,
      // The broker serves more than a gigabyte per minute in a benchmark: it keeps the optimising compiler.
      args: [
        `-Xmx${settings.kafkaHeap}`,
        "-Xms96m",
        "-XX:+UseSerialGC",
        "-Xss512k",
        "-XX:+ExitOnOutOfMemoryError",
        logging,
        ...classPath,
        "kafka.Kafka",
        properties,
      ],
      env: cleanEnvironment(settings),
      cwd: folder,
    }),
    // The broker opens its port when it is registered and allowed to serve.
    isReady: () => acceptsConnections(host, ports.kafka),
  };
}

/** Kafka's form of a UUID: 16 bytes as base64url, not beginning with a dash. */
function clusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString("base64url");
    if (!id.startsWith("-")) return id;
  }
}

function serverProperties(host: string, port: number, controllerPort: number, data: string): string {
  return `${[
    "process.roles=broker,controller",
    "node.id=1",
    `listeners=BROKER://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
    `advertised.listeners=BROKER://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
    "listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name=BROKER",
    "controller.listener.names=CONTROLLER",
    `controller.quorum.bootstrap.servers=${host}:${controllerPort}`,
    `log.dirs=${data}`,
    "auto.create.topics.enable=false",
    "num.partitions=3",
    "default.replication.factor=1",
    "min.insync.replicas=1",
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=4",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "transaction.state.log.num.partitions=4",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
    "num.network.threads=2",
    "num.io.threads=4",
    "num.recovery.threads.per.data.dir=2",
    "log.cleaner.dedupe.buffer.size=16777216",
    "controlled.shutdown.max.retries=1",
  ].join("\n")}\n`;
}
