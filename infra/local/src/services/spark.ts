import { join } from "node:path";
import type { Settings } from "../settings.ts";
import { cleanEnvironment } from "./environment.ts";

/** Where the Spark services of one stack keep their files. */
export function sparkFolders(stateDir: string): { conf: string; recovery: string; work: string; local: string } {
  const folder = join(stateDir, "spark");
  return {
    conf: join(folder, "conf"),
    recovery: join(folder, "recovery"),
    work: join(folder, "work"),
    local: join(folder, "local"),
  };
}

/** The master's URL for applications and workers. */
export function sparkMasterUrl({ hosts, ports }: Settings): string {
  return `spark://${hosts.sparkMaster}:${ports.sparkMaster}`;
}

/** The master's web page, which answers `/json/` as well. */
export function sparkMasterUiUrl({ hosts, ports }: Settings): string {
  return `http://${hosts.sparkMaster}:${ports.sparkMasterUi}`;
}

/** The environment of Spark's master or worker at `host`; drivers and executors inherit the worker's. */
export function sparkEnvironment(settings: Settings, host: string): Record<string, string> {
  const { conf, local } = sparkFolders(settings.stateDir);
  return {
    ...cleanEnvironment(settings),
    SPARK_HOME: settings.runtime.sparkHome,
    SPARK_CONF_DIR: conf,
    SPARK_LOCAL_DIRS: local,
    // Binds everything to this address, the web pages of drivers and executors as well.
    SPARK_LOCAL_IP: host,
    SPARK_PUBLIC_DNS: host,
    PYSPARK_PYTHON: settings.runtime.python,
  };
}

/** Class path and opened packages, as Spark's own launch script gives them; that script starts a JVM only to say so. */
export function sparkClassPath(settings: Settings): string[] {
  return [
    "-XX:+IgnoreUnrecognizedVMOptions",
    ...OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    "-cp",
    `${sparkFolders(settings.stateDir).conf}:${join(settings.runtime.sparkHome, "jars", "*")}`,
  ];
}

const OPENED = [
  "java.lang",
  "java.lang.invoke",
  "java.lang.reflect",
  "java.io",
  "java.net",
  "java.nio",
  "java.util",
  "java.util.concurrent",
  "java.util.concurrent.atomic",
  "jdk.internal.ref",
  "sun.nio.ch",
  "sun.nio.cs",
  "sun.security.action",
  "sun.util.calendar",
];

/** A properties file as Java reads it. */
export function properties(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name} ${value.replaceAll("\\", "\\\\")}\n`)
    .join("");
}
