import { describe, expect, it } from "vitest";
import { databaseUrl } from "../../local/src/services/postgres.ts";
import { registryUrl } from "../../local/src/services/schema-registry.ts";
import { sparkMasterUrl } from "../../local/src/services/spark.ts";
import { containerEnvironment } from "../src/environment.ts";
import { containerSecrets } from "../src/secrets.ts";
import { containerSettings } from "../src/settings.ts";

describe("a container of the stack", () => {
  const settings = containerSettings({});

  it("finds each service at its name in the compose file", () => {
    expect(sparkMasterUrl(settings)).toBe("spark://spark-master:7077");
    expect(registryUrl(settings)).toBe("http://schema-registry:8081/apis/ccompat/v7");
    const secrets = { ...containerSecrets(), postgresPassword: "p" };
    expect(databaseUrl({ settings, secrets })).toBe("postgres://penstock:p@postgres:5433/penstock");
  });

  it("listens to everybody and so asks everybody for a token: who can reach it is for the published port to say", () => {
    expect(settings).toMatchObject({ listen: "0.0.0.0", access: "tokens" });
    expect(() => containerSettings({ PENSTOCK_ACCESS: "open" })).toThrow(/PENSTOCK_ACCESS is "open"/);
  });

  it("tells the control plane where drivers run and at which address they reach it", () => {
    expect(containerEnvironment("control-plane", {}, 8080)).toMatchObject({
      PENSTOCK_RUNNER_URL: "http://control-plane:8080",
      PENSTOCK_DRIVERS: "containers",
    });
    expect(containerEnvironment("producer", {}, 8080)).toEqual({});
  });

  it("uses a service elsewhere where its address is given", () => {
    const brokers = { PENSTOCK_KAFKA_BROKERS: "kafka.example:9092" };
    expect(containerEnvironment("producer", brokers, 8080)).toEqual(brokers);
  });
});
