import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../src/config.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-config-"));
const secret = join(folder, "secret");
writeFileSync(secret, `${"s".repeat(43)}\n`);
const short = join(folder, "short");
writeFileSync(short, "abc");

afterAll(() => rmSync(folder, { recursive: true }));

const good = {
  PENSTOCK_STATE_DIR: folder,
  PENSTOCK_DATABASE_URL: "postgres://penstock:p@127.0.0.1:5433/penstock",
  PENSTOCK_KAFKA_BROKERS: "127.0.0.1:9092, 127.0.0.1:9192",
  PENSTOCK_REGISTRY_URL: "http://127.0.0.1:8081/apis/ccompat/v7",
  PENSTOCK_SPARK_MASTER_URL: "spark://127.0.0.1:7077",
  PENSTOCK_SPARK_MASTER_REST_URL: "http://127.0.0.1:6066",
  PENSTOCK_SPARK_MASTER_UI_URL: "http://127.0.0.1:8090",
  PENSTOCK_SPARK_REST_SECRET_FILE: secret,
  PENSTOCK_RUNNER_TOKEN_FILE: secret,
  PENSTOCK_PYTHON: "/venv/bin/python3",
  PENSTOCK_JAVA_HOME: "/java",
  PENSTOCK_SPARK_JARS_DIR: "/jars",
};

function complaint(change: Record<string, string | undefined>): string {
  try {
    readConfig({ ...good, ...change });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("how often everything is compared", () => {
  it("is a minute unless it is set, and never so seldom that a report gets stale", () => {
    expect(readConfig(good).reconciliation.everyMs).toBe(60_000);
    const set = { ...good, PENSTOCK_RECONCILIATION_EVERY: "10s" };
    expect(readConfig(set).reconciliation.everyMs).toBe(10_000);
    expect(complaint({ PENSTOCK_RECONCILIATION_EVERY: "3m" })).toContain("at most 2m, for a report is stale after 5m");
    expect(complaint({ PENSTOCK_RECONCILIATION_EVERY: "often" })).toContain("expected a duration such as 10s or 1m");
  });
});

describe("the address of the alert webhook", () => {
  const url = "https://hooks.example/services/T000/top-secret";
  const file = join(folder, "webhook");

  it("is taken from the setting or from a file", () => {
    writeFileSync(file, `${url}\n`);
    expect(readConfig({ ...good, PENSTOCK_ALERT_WEBHOOK_URL: url }).alertWebhookUrl).toBe(url);
    expect(readConfig({ ...good, PENSTOCK_ALERT_WEBHOOK_URL_FILE: file }).alertWebhookUrl).toBe(url);
  });

  it("is not in a complaint about it", () => {
    writeFileSync(file, "top-secret");
    const both = { PENSTOCK_ALERT_WEBHOOK_URL: url, PENSTOCK_ALERT_WEBHOOK_URL_FILE: file };
    const complaints = [
      complaint({ PENSTOCK_ALERT_WEBHOOK_URL: "top-secret" }),
      complaint({ PENSTOCK_ALERT_WEBHOOK_URL: "ftp://top-secret" }),
      complaint({ PENSTOCK_ALERT_WEBHOOK_URL_FILE: file }),
      complaint(both),
      complaint({ PENSTOCK_ALERT_WEBHOOK_URL_FILE: join(folder, "nowhere") }),
    ];
    for (const text of complaints) expect(text).toMatch(/PENSTOCK_ALERT_WEBHOOK_URL(_FILE)? is .*: expected /);
    expect(complaints.join()).not.toContain("top-secret");
  });
});

describe("the settings", () => {
  it("have the documented defaults", () => {
    expect(readConfig(good)).toMatchObject({
      host: "127.0.0.1",
      listen: "127.0.0.1",
      access: "open",
      adminToken: null,
      metricsToken: null,
      runnerUrl: "http://127.0.0.1:8080",
      drivers: "here",
      docker: null,
      rateLimits: { reads: 6_000, changes: 600 },
      allowedHosts: [],
      alertWebhookUrl: null,
      port: 8080,
      lakeDir: join(folder, "lake"),
      checkpointDir: join(folder, "checkpoints"),
      diskWarnBytes: 5e9,
      kafkaBrokers: ["127.0.0.1:9092", "127.0.0.1:9192"],
      runnerToken: "s".repeat(43),
    });
  });

  it.each([
    ["PENSTOCK_HOST", "0.0.0.0", /PENSTOCK_HOST is "0\.0\.0\.0": expected a loopback address.*PENSTOCK_LISTEN/],
    // It may be 127.0.0.1 or ::1, and 127.0.0.1 is listened on already.
    ["PENSTOCK_LISTEN", "localhost", /PENSTOCK_LISTEN is "localhost": expected an IP address such as/],
    ["PENSTOCK_LISTEN", "everywhere", /PENSTOCK_LISTEN is "everywhere": expected an IP address such as/],
    ["PENSTOCK_ACCESS", "closed", /PENSTOCK_ACCESS is "closed": expected auto, open or tokens/],
    [
      "PENSTOCK_ACCESS",
      "tokens",
      /PENSTOCK_ADMIN_TOKEN_FILE is not set: expected the path of a file.*make one: \(umask 077/,
    ],
    ["PENSTOCK_ADMIN_TOKEN_FILE", short, /expected a file with a secret of at least 32 characters/],
    ["PENSTOCK_ADMIN_TOKEN_FILE", "/nowhere", /PENSTOCK_ADMIN_TOKEN_FILE is "\/nowhere": expected the path of a file/],
    ["PENSTOCK_ALLOWED_HOSTS", "http://x", /PENSTOCK_ALLOWED_HOSTS is "http:\/\/x": expected host:port/],
    [
      "PENSTOCK_RATE_LIMIT_READS",
      "0",
      /PENSTOCK_RATE_LIMIT_READS is "0": expected a whole number of requests per minute/,
    ],
    ["PENSTOCK_RATE_LIMIT_CHANGES", "many", /PENSTOCK_RATE_LIMIT_CHANGES is "many": expected a whole number/],
    ["PENSTOCK_PORT", "http", /PENSTOCK_PORT is "http": expected a port/],
    ["PENSTOCK_DISK_WARN", "lots", /PENSTOCK_DISK_WARN is "lots": expected a size such as 500MB/],
    ["PENSTOCK_KAFKA_BROKERS", "localhost", /PENSTOCK_KAFKA_BROKERS is "localhost": expected host:port/],
    [
      "PENSTOCK_DATABASE_URL",
      "mysql://x",
      /PENSTOCK_DATABASE_URL is "mysql:\/\/x": expected a URL that begins with postgres/,
    ],
    [
      "PENSTOCK_RUNNER_TOKEN_FILE",
      "/nowhere",
      /PENSTOCK_RUNNER_TOKEN_FILE is "\/nowhere": expected the path of a file/,
    ],
    ["PENSTOCK_RUNNER_TOKEN_FILE", short, /expected a file with a secret of at least 32 characters/],
    ["PENSTOCK_RUNNER_URL", "control-plane:8080", /PENSTOCK_RUNNER_URL is "control-plane:8080": expected an http:/],
    ["PENSTOCK_DRIVERS", "everywhere", /PENSTOCK_DRIVERS is "everywhere": expected one of here, containers, elsewhere/],
    ["PENSTOCK_DRIVERS", "containers", /PENSTOCK_DOCKER_URL is not set: expected the Docker engine/],
    ["PENSTOCK_DOCKER_URL", "tcp://docker", /PENSTOCK_DOCKER_URL is "tcp:\/\/docker": expected http:\/\/host:port/],
    [
      "PENSTOCK_DOCKER_URL",
      "http://docker:2375",
      /PENSTOCK_DOCKER_PROJECT is not set: expected the name of the Compose/,
    ],
    ["PENSTOCK_METRICS_TOKEN_FILE", short, /expected a file with a secret of at least 32 characters/],
    ["PENSTOCK_LOG_LEVEL", "loud", /PENSTOCK_LOG_LEVEL is "loud": expected one of trace/],
    ["PENSTOCK_PYTHON", undefined, /PENSTOCK_PYTHON is not set: expected a value/],
  ])("are refused by name, value and what was expected: %s=%s", (name, value, expected) => {
    expect(complaint({ [name]: value })).toMatch(expected);
  });

  it("name every mistake at once, and no secret", () => {
    const text = complaint({ PENSTOCK_PORT: "0", PENSTOCK_HOST: "10.0.0.1" });
    expect(text).toMatch(/PENSTOCK_HOST[\s\S]*PENSTOCK_PORT/);
    expect(text).not.toContain("sssss");
  });
});

describe("where drivers run", () => {
  it("is here for a master on loopback, elsewhere for any other, and in containers where that is said", () => {
    const remote = { ...good, PENSTOCK_SPARK_MASTER_URL: "spark://spark-master:7077" };
    expect(readConfig(remote).drivers).toBe("elsewhere");
    const containers = { PENSTOCK_DOCKER_URL: "http://docker-proxy:2375", PENSTOCK_DOCKER_PROJECT: "penstock" };
    expect(readConfig({ ...remote, ...containers, PENSTOCK_DRIVERS: "containers" })).toMatchObject({
      drivers: "containers",
      docker: { url: "http://docker-proxy:2375", project: "penstock" },
    });
  });
});

describe("an address that others can reach", () => {
  it.each(["0.0.0.0", "::", "192.168.1.5", "fd00::5"])("%s is listened on with tokens only", (listen) => {
    const settings = { ...good, PENSTOCK_LISTEN: listen, PENSTOCK_ADMIN_TOKEN_FILE: secret };
    expect(readConfig(settings)).toMatchObject({ host: "127.0.0.1", listen, access: "tokens" });
    expect(complaint({ PENSTOCK_LISTEN: listen })).toMatch(/PENSTOCK_ADMIN_TOKEN_FILE is not set/);
    expect(complaint({ ...settings, PENSTOCK_ACCESS: "open" })).toMatch(
      /PENSTOCK_ACCESS is "open": expected auto or tokens, because PENSTOCK_LISTEN is .*everybody who can reach/,
    );
  });

  it("is called by the names that are allowed, with a port or with that of the scheme", () => {
    const names = "penstock.example, penstock.local:8080, [fd00::5]:8080";
    expect(readConfig({ ...good, PENSTOCK_ALLOWED_HOSTS: names }).allowedHosts).toEqual([
      "penstock.example",
      "penstock.local:8080",
      "[fd00::5]:8080",
    ]);
  });
});

describe("loopback", () => {
  it("may ask for tokens, too", () => {
    const settings = { ...good, PENSTOCK_ACCESS: "tokens", PENSTOCK_ADMIN_TOKEN_FILE: secret };
    expect(readConfig(settings)).toMatchObject({ listen: "127.0.0.1", access: "tokens", adminToken: "s".repeat(43) });
  });
});
