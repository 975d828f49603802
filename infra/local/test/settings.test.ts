import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CHECKOUT } from "../src/root.ts";
import { readSettings } from "../src/settings.ts";

describe("settings", () => {
  it("stand as docs/contracts.md says when nothing is set", () => {
    const settings = readSettings({});
    expect(settings.stateDir).toBe(join(CHECKOUT, ".penstock", "state"));
    expect(settings.runtime.dir).toBe(join(CHECKOUT, ".penstock", "runtime"));
    expect(settings.host).toBe("127.0.0.1");
    expect(settings.listen).toBe("127.0.0.1");
    expect(settings.access).toBe("open");
    expect(settings.producerRate).toBe(20);
    expect(settings.diskWarn.bytes).toBe(5_000_000_000);
    expect(settings.ports).toEqual({
      controlPlane: 8080,
      kafka: 9092,
      kafkaController: 9093,
      registry: 8081,
      registryManagement: 8082,
      postgres: 5433,
      sparkMaster: 7077,
      sparkMasterRest: 6066,
      sparkMasterUi: 8090,
      sparkWorker: 7078,
      sparkWorkerUi: 8091,
    });
  });

  it("lie below PENSTOCK_HOME, each folder movable by itself", () => {
    const settings = readSettings({ PENSTOCK_HOME: "/data/penstock", PENSTOCK_RUNTIME_DIR: "/opt/penstock" });
    expect(settings.stateDir).toBe("/data/penstock/state");
    expect(settings.runtime.python).toBe("/opt/penstock/venv/bin/python3");
  });

  it("add the offset to every port that is not set by itself", () => {
    const { ports } = readSettings({ PENSTOCK_PORT_OFFSET: "1000", PENSTOCK_KAFKA_PORT: "9092" });
    expect(ports.kafka).toBe(9092);
    expect(ports.controlPlane).toBe(9080);
    expect(ports.sparkWorkerUi).toBe(9091);
  });

  it("take an empty value as not set", () => {
    expect(readSettings({ PENSTOCK_PORT: "" }).ports.controlPlane).toBe(8080);
  });

  it.each([
    ["PENSTOCK_PORT", "eighty", 'PENSTOCK_PORT is "eighty": expected a port number from 1 to 65535.'],
    ["PENSTOCK_PORT", "70000", 'PENSTOCK_PORT is "70000": expected a port number from 1 to 65535.'],
    ["PENSTOCK_PORT_OFFSET", "-1", "PENSTOCK_PORT_OFFSET"],
    ["PENSTOCK_PRODUCER_RATE", "1.5", "expected a whole number of events per second"],
    ["PENSTOCK_DISK_WARN", "5", "expected a size such as 500MB or 5GB"],
    ["PENSTOCK_KAFKA_HEAP", "256", "expected megabytes or gigabytes such as 256m or 3g"],
    ["PENSTOCK_HOST", "0.0.0.0", "expected an IPv4 loopback address"],
    ["PENSTOCK_LISTEN", "lan", 'PENSTOCK_LISTEN is "lan": expected an IP address such as'],
    ["PENSTOCK_ACCESS", "none", 'PENSTOCK_ACCESS is "none": expected auto, open or tokens.'],
    ["PENSTOCK_SERVICES", "kafka,redis", 'PENSTOCK_SERVICES names "redis": expected some of postgres'],
  ])("refuse %s=%s by name, value and what was expected", (name, value, message) => {
    expect(() => readSettings({ [name]: value })).toThrow(message);
  });

  it("ask for tokens as soon as the control plane listens where others can reach it, and leave the rest on loopback", () => {
    const settings = readSettings({ PENSTOCK_LISTEN: "0.0.0.0" });
    expect(settings).toMatchObject({ host: "127.0.0.1", listen: "0.0.0.0", access: "tokens" });
    expect(() => readSettings({ PENSTOCK_LISTEN: "0.0.0.0", PENSTOCK_ACCESS: "open" })).toThrow(
      'PENSTOCK_ACCESS is "open": expected auto or tokens, because PENSTOCK_LISTEN is 0.0.0.0',
    );
  });

  it("refuse two services on one port", () => {
    expect(() => readSettings({ PENSTOCK_PORT: "9092" })).toThrow(
      "PENSTOCK_KAFKA_PORT and PENSTOCK_PORT are both 9092",
    );
  });
});
