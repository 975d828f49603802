import type { KafkaSecurity } from "./kafka-security.ts";
import { tlsAdvice } from "./tls-refusal.ts";

const PROTOCOL = "PENSTOCK_KAFKA_SECURITY";
const TLS_SETTINGS = {
  address: "PENSTOCK_KAFKA_BROKERS",
  ca: "PENSTOCK_KAFKA_CA_FILE",
  certificate: "PENSTOCK_KAFKA_CERT_FILE and PENSTOCK_KAFKA_KEY_FILE",
};
/** Of a connection that was open, and that the other side ended without a word. */
const CLOSED = ["KafkaJSConnectionClosedError"];
const CLOSED_CODES = ["ECONNRESET", "EPIPE", "EPROTO"];

/**
 * Which setting to look at when Kafka's client failed.
 * @param answeredBefore a client with these settings has been answered: a connection that ends is no sign of wrong ones
 * @returns null when the failure does not look like one of settings
 */
export function kafkaAdvice(
  error: unknown,
  { protocol, login, tls }: KafkaSecurity,
  answeredBefore: boolean,
): string | null {
  const causes = chainOf(error);
  const [codes, names] = [causes.map(codeOf), causes.map(({ name }) => name)];
  if (codes.includes("UNSUPPORTED_SASL_MECHANISM") || causes.some(({ message }) => UNKNOWN_MECHANISM.test(message))) {
    return `The brokers do not know this way to log in: see PENSTOCK_KAFKA_SASL_MECHANISM (${login?.mechanism ?? "unset"}).`;
  }
  if (codes.includes("ILLEGAL_SASL_STATE")) return `This listener wants no login: see ${PROTOCOL} (${protocol}).`;
  if (names.includes("KafkaJSSASLAuthenticationError")) {
    return "The brokers refuse this name or password: see PENSTOCK_KAFKA_USERNAME and PENSTOCK_KAFKA_PASSWORD_FILE (or PENSTOCK_KAFKA_PASSWORD).";
  }
  if (codes.some((code) => code.endsWith("AUTHORIZATION_FAILED"))) {
    return `The brokers know ${login?.username ?? "this client"}, but do not let it do this: give it the right (ACL).`;
  }
  if (tls !== null) {
    const advice = codes.map((code) => tlsAdvice(code, TLS_SETTINGS)).find((text) => text !== null);
    if (advice !== undefined) return advice;
    if (causes.some(({ message }) => UNUSABLE_FILES.test(message))) {
      return "What PENSTOCK_KAFKA_CA_FILE, PENSTOCK_KAFKA_CERT_FILE and PENSTOCK_KAFKA_KEY_FILE name cannot be used together.";
    }
  }
  if (answeredBefore) return null;
  const isClosed = names.some((name) => CLOSED.includes(name)) || codes.some((code) => CLOSED_CODES.includes(code));
  if (!isClosed && !codes.some((code) => code.startsWith("ERR_SSL_"))) return null;
  return tls === null
    ? `Brokers end what they do not understand at once: if this listener speaks TLS, or wants a login, ${PROTOCOL} (${protocol}) has to say so.`
    : `The other side does not answer with TLS, or ends the connection: see ${PROTOCOL} (${protocol}).`;
}

/** Before anything was sent: a certificate that is none, or a key that is not the certificate's. */
const UNUSABLE_FILES = /^Failed to connect: /;
const UNKNOWN_MECHANISM = /^SASL .* mechanism is not supported by the server/;

interface Failure {
  name: string;
  message: string;
  code?: unknown;
  type?: unknown;
}

/** kafkajs wraps what happened in an account of its retries. */
function chainOf(error: unknown): Failure[] {
  const chain: Failure[] = [];
  for (let each = error; each instanceof Error && chain.length < 10; each = each.cause) chain.push(each);
  return chain;
}

/** Node's code, or the protocol's name of what a broker answered. */
function codeOf({ code, type }: Failure): string {
  if (typeof type === "string") return type;
  return typeof code === "string" ? code : "";
}
