import kafkajs from "kafkajs";
import { expect, it } from "vitest";
import { kafkaAdvice } from "../../src/domain/kafka-refusal.ts";
import { UNPROTECTED } from "../../src/domain/kafka-security.ts";

const { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded } = kafkajs;
// It is exported, and its types have forgotten it.
const { KafkaJSConnectionClosedError: Closed } = kafkajs as unknown as Record<
  "KafkaJSConnectionClosedError",
  new (
    message: string,
    at: { host: string; port: number },
  ) => kafkajs.KafkaJSError
>;

const closed = new Closed("Closed connection", { host: "kafka", port: 9092 });
const tried = new KafkaJSNumberOfRetriesExceeded(closed, { retryCount: 1, retryTime: 100 });

it("a connection that brokers end at once is a sign of wrong settings until they have answered once", () => {
  expect(kafkaAdvice(tried, UNPROTECTED, false)).toContain("PENSTOCK_KAFKA_SECURITY (PLAINTEXT)");
  expect(kafkaAdvice(tried, UNPROTECTED, true)).toBeNull();
});

it("where nobody listens no setting of security is to blame", () => {
  const refused = new KafkaJSConnectionError("Connection error: connect ECONNREFUSED", { code: "ECONNREFUSED" });
  expect(kafkaAdvice(refused, UNPROTECTED, false)).toBeNull();
  expect(kafkaAdvice(new Error("something else"), UNPROTECTED, false)).toBeNull();
});

it("a client that is known but may not do something is told so", () => {
  const denied = Object.assign(new Error("Not authorized"), { type: "TOPIC_AUTHORIZATION_FAILED" });
  const login = { mechanism: "PLAIN" as const, username: "alice", password: "top-secret" };
  const advice = kafkaAdvice(denied, { protocol: "SASL_PLAINTEXT", login, tls: null }, true);
  expect(advice).toBe("The brokers know alice, but do not let it do this: give it the right (ACL).");
});
