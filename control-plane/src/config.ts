import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { contentOf } from "./adapters/text-file.ts";
import type { RateLimitOptions } from "./api/rate-limits.ts";
import { type AccessMode, accessMode, isLoopback } from "./domain/access.ts";
import { type Connections, readConnections } from "./domain/connections.ts";
import { type ReconciliationLimits, readReconciliationLimits } from "./domain/reconciliation/limits.ts";
import { hasLogin } from "./domain/registry-access.ts";
import { parseSize } from "./domain/size.ts";
import { readSqlSettings, type SqlSettings } from "./domain/sql/settings.ts";

/** What the control plane is told by its environment (docs/contracts.md §1); paths are absolute. */
export interface Config {
  /** loopback address of this machine's services, at which runners call */
  host: string;
  /** address that people call at */
  listen: string;
  port: number;
  /** base URL at which runners call */
  runnerUrl: string;
  drivers: DriverPlace;
  /** the Docker engine and the Compose project whose containers run this stack; null where no containers do */
  docker: { url: string; project: string } | null;
  access: AccessMode;
  /** secret of the first admin; null where requests need no token and none was given */
  adminToken: string | null;
  /** secret of whoever collects figures, with the role viewer; null where there is none */
  metricsToken: string | null;
  rateLimits: RateLimitOptions;
  /** where alerts are told; a secret, because whoever knows it can post there. null: nowhere */
  alertWebhookUrl: string | null;
  /** further values of the Host header that are answered, such as `penstock.local:8080` or `penstock.example` */
  allowedHosts: string[];
  manifestPath: string;
  checkoutDir: string;
  stateDir: string;
  lakeDir: string;
  checkpointDir: string;
  diskWarnBytes: number;
  databaseUrl: string;
  kafkaBrokers: string[];
  registryUrl: string;
  connections: Connections;
  sparkMasterUrl: string;
  sparkMasterRestUrl: string;
  sparkMasterUiUrl: string;
  /** base64url */
  sparkRestSecret: string;
  runnerTokenFile: string;
  runnerToken: string;
  python: string;
  javaHome: string;
  sparkJobsDir: string;
  sparkJarsDir: string;
  logLevel: string;
  sql: SqlSettings;
  reconciliation: ReconciliationLimits;
  /** folder in which tests arm failpoints; null: there are none */
  failpointDir: string | null;
}

/**
 * Where Spark's drivers run, which decides what proves that one is dead: processes of this machine, processes in the
 * worker containers of this Docker project, or nothing but the Spark master's word.
 */
const DRIVER_PLACES = ["here", "containers", "elsewhere"] as const;
export type DriverPlace = (typeof DRIVER_PLACES)[number];

/** The environment is not usable; the message says which variables, what they are and what was expected. */
export class ConfigError extends Error {
  constructor(complaints: string[]) {
    super(`The settings are not usable:\n${complaints.map((complaint) => `  - ${complaint}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

const HOST_PORT = /^[^\s:/,]+:\d{1,5}$/;
const HOST = /^([^\s:/,[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const CHECKOUT = resolve(import.meta.dirname, "../..");

/**
 * Reads and checks the environment.
 * @throws {ConfigError} naming everything that is wrong at once
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const complaints: string[] = [];
  const complain = (name: string, expected: string) => {
    const value = env[name];
    complaints.push(
      `${name} ${value === undefined ? "is not set" : `is ${JSON.stringify(value)}`}: expected ${expected}`,
    );
  };
  const text = (name: string, fallback?: string): string => {
    const value = env[name] || fallback;
    if (value === undefined) complain(name, "a value (the launcher sets it)");
    return value ?? "";
  };
  const path = (name: string, fallback?: string): string => resolve(CHECKOUT, text(name, fallback));
  const url = (name: string, ...schemes: string[]): string => {
    const value = env[name] ?? "";
    if (!schemes.some((scheme) => value.startsWith(`${scheme}://`) && URL.canParse(value))) {
      const expected = `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
      if (value.includes("@")) complainAbout(name, expected);
      else complain(name, expected);
    }
    return value;
  };
  const list = (name: string, form: RegExp, expected: string): string[] => {
    const items = (env[name] ?? "").split(",").map((item) => item.trim());
    const given = items.filter((item) => item !== "");
    if (given.some((item) => !form.test(item))) complain(name, `${expected}, or several separated by commas`);
    return given;
  };
  const perMinute = (name: string, fallback: number): number => {
    const value = Number(env[name] || fallback);
    if (!Number.isInteger(value) || value < 1) complain(name, "a whole number of requests per minute, from 1");
    return value;
  };
  const secret = (name: string): { file: string; content: string } => {
    const file = path(name);
    try {
      const content = readFileSync(file, "utf8").trim();
      if (content.length < 32) complain(name, "a file with a secret of at least 32 characters");
      return { file, content };
    } catch {
      if (env[name] !== undefined) complain(name, "the path of a file that can be read");
      return { file, content: "" };
    }
  };

  const webhook = (): string | null => {
    const [direct, file] = [env.PENSTOCK_ALERT_WEBHOOK_URL, env.PENSTOCK_ALERT_WEBHOOK_URL_FILE];
    const expected = "an http:// or https:// URL, such as one of Slack's incoming webhooks";
    if (direct && file) complain("PENSTOCK_ALERT_WEBHOOK_URL_FILE", "nothing beside PENSTOCK_ALERT_WEBHOOK_URL");
    if (direct) return isHttpUrl(direct) ? direct : complainAbout("PENSTOCK_ALERT_WEBHOOK_URL", expected);
    if (!file) return null;
    try {
      const content = readFileSync(resolve(CHECKOUT, file), "utf8").trim();
      return isHttpUrl(content) ? content : complainAbout("PENSTOCK_ALERT_WEBHOOK_URL_FILE", `a file with ${expected}`);
    } catch {
      complain("PENSTOCK_ALERT_WEBHOOK_URL_FILE", "the path of a file that can be read");
      return null;
    }
  };
  /** A complaint that does not quote the secret. */
  const complainAbout = (name: string, expected: string): null => {
    complaints.push(`${name} is not usable: expected ${expected}`);
    return null;
  };

  const stateDir = path("PENSTOCK_STATE_DIR", ".penstock/state");
  const host = text("PENSTOCK_HOST", "127.0.0.1");
  if (!isLoopback(host)) {
    complain(
      "PENSTOCK_HOST",
      "a loopback address such as 127.0.0.1; PENSTOCK_LISTEN lets the API listen on another one",
    );
  }
  const listen = text("PENSTOCK_LISTEN", host);
  const mode = accessMode(listen, text("PENSTOCK_ACCESS", "auto"));
  if (typeof mode === "object") complain(mode.setting, mode.expected);
  const access = typeof mode === "object" ? "tokens" : mode;
  const hasAdminToken = Boolean(env.PENSTOCK_ADMIN_TOKEN_FILE);
  if (mode === "tokens" && !hasAdminToken) {
    complain(
      "PENSTOCK_ADMIN_TOKEN_FILE",
      `the path of a file with the first admin's token, because requests to ${listen} need tokens; make one: (umask 077; echo "pst_$(openssl rand -hex 32)" > admin-token)`,
    );
  }
  const brokers = list("PENSTOCK_KAFKA_BROKERS", HOST_PORT, "host:port");
  if (brokers.length === 0) complain("PENSTOCK_KAFKA_BROKERS", "host:port, or several separated by commas");
  const runnerToken = secret("PENSTOCK_RUNNER_TOKEN_FILE");
  const logLevel = text("PENSTOCK_LOG_LEVEL", "info");
  if (!LOG_LEVELS.includes(logLevel)) complain("PENSTOCK_LOG_LEVEL", `one of ${LOG_LEVELS.join(", ")}`);
  const port = Number(env.PENSTOCK_PORT ?? 8080);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) complain("PENSTOCK_PORT", "a port, 1 to 65535");
  const runnerUrl = text("PENSTOCK_RUNNER_URL", `http://${host}:${port}`);
  if (env.PENSTOCK_RUNNER_URL && !isHttpUrl(runnerUrl)) {
    complain("PENSTOCK_RUNNER_URL", "an http:// or https:// URL at which drivers reach this");
  }
  const sparkMasterUrl = url("PENSTOCK_SPARK_MASTER_URL", "spark");
  const drivers = DRIVER_PLACES.find((place) => place === text("PENSTOCK_DRIVERS", usualPlace(sparkMasterUrl)));
  if (drivers === undefined) complain("PENSTOCK_DRIVERS", `one of ${DRIVER_PLACES.join(", ")}`);
  const docker = dockerOf(env, complain);
  if (drivers === "containers" && docker === null)
    complain("PENSTOCK_DOCKER_URL", "the Docker engine that they run on");
  const diskWarnBytes = parseSize(env.PENSTOCK_DISK_WARN ?? "5GB");
  if (diskWarnBytes === undefined) complain("PENSTOCK_DISK_WARN", "a size such as 500MB or 5GB");

  const registryUrl = url("PENSTOCK_REGISTRY_URL", "http", "https");
  // The address is shown to everybody who may read.
  if (hasLogin(registryUrl)) {
    complainAbout(
      "PENSTOCK_REGISTRY_URL",
      "a URL without name and password: they are for PENSTOCK_REGISTRY_USERNAME and PENSTOCK_REGISTRY_PASSWORD_FILE",
    );
  }

  const config: Config = {
    host,
    listen,
    port,
    runnerUrl: runnerUrl.replace(/\/$/, ""),
    drivers: drivers ?? "elsewhere",
    docker,
    access,
    adminToken: hasAdminToken ? secret("PENSTOCK_ADMIN_TOKEN_FILE").content : null,
    metricsToken: env.PENSTOCK_METRICS_TOKEN_FILE ? secret("PENSTOCK_METRICS_TOKEN_FILE").content : null,
    rateLimits: {
      reads: perMinute("PENSTOCK_RATE_LIMIT_READS", 6_000),
      changes: perMinute("PENSTOCK_RATE_LIMIT_CHANGES", 600),
    },
    alertWebhookUrl: webhook(),
    allowedHosts: list("PENSTOCK_ALLOWED_HOSTS", HOST, "host:port (or host, where the port is that of http or https)"),
    manifestPath: path("PENSTOCK_MANIFEST", "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml"),
    checkoutDir: CHECKOUT,
    stateDir,
    lakeDir: path("PENSTOCK_LAKE_DIR", `${stateDir}/lake`),
    checkpointDir: path("PENSTOCK_CHECKPOINT_DIR", `${stateDir}/checkpoints`),
    diskWarnBytes: diskWarnBytes ?? 0,
    databaseUrl: url("PENSTOCK_DATABASE_URL", "postgres", "postgresql"),
    kafkaBrokers: brokers,
    registryUrl,
    connections: readConnections(env, complain, contentOf, (file) => resolve(CHECKOUT, file)),
    sparkMasterUrl,
    sparkMasterRestUrl: url("PENSTOCK_SPARK_MASTER_REST_URL", "http"),
    sparkMasterUiUrl: url("PENSTOCK_SPARK_MASTER_UI_URL", "http"),
    sparkRestSecret: secret("PENSTOCK_SPARK_REST_SECRET_FILE").content,
    runnerTokenFile: runnerToken.file,
    runnerToken: runnerToken.content,
    python: text("PENSTOCK_PYTHON"),
    javaHome: path("PENSTOCK_JAVA_HOME"),
    sparkJobsDir: path("PENSTOCK_SPARK_JOBS_DIR", "spark_jobs"),
    sparkJarsDir: path("PENSTOCK_SPARK_JARS_DIR"),
    logLevel,
    sql: readSqlSettings(env, complain),
    reconciliation: readReconciliationLimits(env, complain),
    failpointDir: env.PENSTOCK_FAILPOINT_DIR ? path("PENSTOCK_FAILPOINT_DIR") : null,
  };
  if (complaints.length > 0) throw new ConfigError(complaints);
  return config;
}

function dockerOf(
  { PENSTOCK_DOCKER_URL: url, PENSTOCK_DOCKER_PROJECT: project }: Record<string, string | undefined>,
  complain: (name: string, expected: string) => void,
): Config["docker"] {
  if (!url) return null;
  if (!/^(http:\/\/[^/]+:\d+|unix:\/\/\/.+)$/.test(url) || !URL.canParse(url)) {
    complain("PENSTOCK_DOCKER_URL", "http://host:port, or unix:///path of the engine's socket");
  }
  if (!project || !/^[a-z0-9][a-z0-9_-]*$/.test(project)) {
    complain("PENSTOCK_DOCKER_PROJECT", "the name of the Compose project, such as penstock");
    return null;
  }
  return { url, project };
}

/** A master on loopback has its workers on this machine. */
function usualPlace(sparkMasterUrl: string): DriverPlace {
  return /^spark:\/\/(127\.|localhost|\[::1\])/.test(sparkMasterUrl) ? "here" : "elsewhere";
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}
