import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { loadSecrets } from "../src/secrets.ts";
import { stackEnvironment } from "../src/services/stack-environment.ts";
import { readSettings } from "../src/settings.ts";

const stateDir = mkdtempSync(join(tmpdir(), "penstock-elsewhere-"));
const KAFKA = {
  PENSTOCK_KAFKA_BROKERS: "kafka.example:9093",
  PENSTOCK_KAFKA_SECURITY: "SASL_SSL",
  PENSTOCK_KAFKA_PASSWORD_FILE: "/run/secrets/kafka",
};
const DATABASE = { PENSTOCK_DATABASE_URL: "postgres://postgres.example/penstock?sslmode=verify-full" };

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(stateDir, { recursive: true }));

function environmentOf(exported: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(exported)) vi.stubEnv(name, value);
  const settings = readSettings({ ...exported, PENSTOCK_STATE_DIR: stateDir });
  return stackEnvironment({ settings, secrets: loadSecrets(stateDir) });
}

describe("what the control plane learns of services", () => {
  it("is of the stack's own ones, whatever is exported for others", () => {
    expect(environmentOf({ ...KAFKA, ...DATABASE })).toMatchObject({
      PENSTOCK_KAFKA_BROKERS: "127.0.0.1:9092",
      PENSTOCK_KAFKA_SECURITY: "",
      PENSTOCK_KAFKA_PASSWORD_FILE: "",
      PENSTOCK_DATABASE_URL: expect.stringContaining("@127.0.0.1:5433/"),
    });
  });

  it("is of those elsewhere where the stack is not to run its own", () => {
    const services = { PENSTOCK_SERVICES: "schema-registry,spark-master,spark-worker,control-plane" };
    expect(environmentOf({ ...KAFKA, ...DATABASE, ...services })).toMatchObject({
      ...KAFKA,
      ...DATABASE,
      PENSTOCK_KAFKA_USERNAME: "",
      PENSTOCK_REGISTRY_URL: "http://127.0.0.1:8081/apis/ccompat/v7",
    });
  });
});
