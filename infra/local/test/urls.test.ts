import { afterEach, describe, expect, it, vi } from "vitest";
import { readSettings } from "../src/settings.ts";
import { urlLines } from "../src/urls.ts";

const ELSEWHERE = {
  PENSTOCK_KAFKA_BROKERS: "kafka-1.example:9093,kafka-2.example:9093",
  PENSTOCK_REGISTRY_URL: "https://registry.example",
};

afterEach(() => vi.unstubAllEnvs());

function shown(exported: Record<string, string>): string[] {
  for (const [name, value] of Object.entries(exported)) vi.stubEnv(name, value);
  return urlLines(readSettings(exported));
}

describe("where people find things", () => {
  it("is where the stack's own services are, whatever is exported for others", () => {
    expect(shown(ELSEWHERE).slice(-2)).toEqual([
      "Schema registry  http://127.0.0.1:8081/apis/ccompat/v7",
      "Kafka            127.0.0.1:9092",
    ]);
  });

  it("is elsewhere for a service that the stack is not to run", () => {
    expect(
      shown({ ...ELSEWHERE, PENSTOCK_SERVICES: "postgres,spark-master,spark-worker,control-plane" }).slice(-2),
    ).toEqual([
      "Schema registry  https://registry.example",
      "Kafka            kafka-1.example:9093,kafka-2.example:9093",
    ]);
  });
});
