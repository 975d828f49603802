import * as setting from "./setting.ts";

/** Where Kafka and the registry are, for every command line here; a fresh copy, since callers add to their options. */
export function connectionOptions() {
  return {
    brokers: {
      read: setting.addresses,
      value: "HOST:PORT,…",
      default: "127.0.0.1:9092",
      environment: ["PENSTOCK_KAFKA_BROKERS"],
      help: "Kafka",
    },
    registry: {
      read: setting.httpUrl,
      value: "URL",
      default: "http://127.0.0.1:8081/apis/ccompat/v7",
      environment: ["PENSTOCK_REGISTRY_URL"],
      help: "schema registry, base of its Confluent API",
    },
  };
}
