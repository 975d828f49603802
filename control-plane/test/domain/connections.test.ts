import { describe, expect, it } from "vitest";
import { readConnections } from "../../src/domain/connections.ts";
import { clientSecurity, UNPROTECTED } from "../../src/domain/kafka-security.ts";
import { OPEN_REGISTRY } from "../../src/domain/registry-access.ts";

const FILES: Record<string, string> = {
  "/s/password": "p w\n",
  "/s/two-lines": "top-secret\ntop-secret\n",
  "/s/ca": "-----BEGIN CERTIFICATE-----\nca",
  "/s/certificate": "-----BEGIN CERTIFICATE-----\nmine",
  "/s/key": "-----BEGIN PRIVATE KEY-----\ntop-secret",
  "/s/old-key": "-----BEGIN RSA PRIVATE KEY-----\ntop-secret",
};
const SASL = { KAFKA_SECURITY: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN", KAFKA_USERNAME: "alice" };

function read(settings: Record<string, string>) {
  const complaints: string[] = [];
  const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`PENSTOCK_${name}`, value]));
  const complain = (name: string, expected: string) => complaints.push(`${name} is ${env[name]}: expected ${expected}`);
  const absolute = (path: string) => (path.startsWith("/") ? path : `/s/${path}`);
  const connections = readConnections(env, complain, (file) => FILES[file] ?? null, absolute);
  return { ...connections, complaints: complaints.join("\n") };
}

describe("how Kafka and the registry are reached", () => {
  it("is without anything where nothing is set", () => {
    expect(read({})).toEqual({ kafka: UNPROTECTED, registry: OPEN_REGISTRY, forDrivers: {}, complaints: "" });
    expect(clientSecurity(UNPROTECTED)).toEqual({});
  });

  it("is by name, password and CA, from settings and files", () => {
    const found = read({ ...SASL, KAFKA_PASSWORD_FILE: "password", KAFKA_CA_FILE: "ca" });
    expect(found.complaints).toBe("");
    expect(clientSecurity(found.kafka)).toEqual({
      ssl: { ca: [FILES["/s/ca"]] },
      sasl: { mechanism: "plain", username: "alice", password: "p w" },
    });
    // A driver runs in a folder of its own.
    expect(found.forDrivers).toMatchObject({
      PENSTOCK_KAFKA_PASSWORD_FILE: "/s/password",
      PENSTOCK_KAFKA_CA_FILE: "/s/ca",
    });
  });

  it("is with the CAs that everybody trusts where none is named", () => {
    expect(clientSecurity(read({ KAFKA_SECURITY: "SSL" }).kafka)).toEqual({ ssl: true });
  });

  it("is with a certificate of its own where brokers ask for one", () => {
    const { kafka } = read({ KAFKA_SECURITY: "SSL", KAFKA_CERT_FILE: "certificate", KAFKA_KEY_FILE: "key" });
    expect(clientSecurity(kafka)).toEqual({ ssl: { cert: FILES["/s/certificate"], key: FILES["/s/key"] } });
  });

  it("hands drivers no password that stands in a setting", () => {
    const { forDrivers } = read({ ...SASL, KAFKA_PASSWORD: "top-secret", REGISTRY_PASSWORD: "top-secret" });
    expect(JSON.stringify(forDrivers)).not.toContain("top-secret");
  });
});

describe("settings that cannot be used are named with their value and what was expected", () => {
  it.each<[Record<string, string>, string]>([
    [{ KAFKA_SECURITY: "TLS" }, "SECURITY is TLS: expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"],
    [SASL, "PASSWORD_FILE is undefined: expected the path of a file with the password (or PENSTOCK_KAFKA_PASSWORD)"],
    [
      { ...SASL, KAFKA_PASSWORD: "top-secret", KAFKA_SASL_MECHANISM: "GSSAPI" },
      "SASL_MECHANISM is GSSAPI: expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, because PENSTOCK_KAFKA_SECURITY is SASL_SSL",
    ],
    [{ KAFKA_SECURITY: "SASL_SSL" }, "USERNAME is undefined: expected the name to log in with"],
    [{ ...SASL, KAFKA_PASSWORD_FILE: "none" }, "PASSWORD_FILE is none: expected the path of a file that can be read"],
    [{ ...SASL, KAFKA_PASSWORD_FILE: "two-lines" }, "with the password alone in one line"],
    [
      { ...SASL, KAFKA_PASSWORD: "top-secret", KAFKA_PASSWORD_FILE: "password" },
      "PASSWORD_FILE is password: expected nothing beside PENSTOCK_KAFKA_PASSWORD",
    ],
    [
      { KAFKA_PASSWORD: "top-secret", KAFKA_USERNAME: "alice" },
      "SECURITY is undefined: expected SASL_PLAINTEXT or SASL_SSL, because of PENSTOCK_KAFKA_USERNAME, PENSTOCK_KAFKA_PASSWORD",
    ],
    [
      { ...SASL, KAFKA_SECURITY: "SASL_PLAINTEXT", KAFKA_PASSWORD: "top-secret", KAFKA_CA_FILE: "ca" },
      "SECURITY is SASL_PLAINTEXT: expected SSL or SASL_SSL, because of PENSTOCK_KAFKA_CA_FILE",
    ],
    [
      { KAFKA_SECURITY: "SSL", KAFKA_CA_FILE: "key" },
      "CA_FILE is key: expected the path of a PEM file that can be read, with certificates",
    ],
    [
      { KAFKA_SECURITY: "SSL", KAFKA_CERT_FILE: "certificate" },
      "KEY_FILE is undefined: expected a value, because PENSTOCK_KAFKA_CERT_FILE is set",
    ],
    [{ KAFKA_SECURITY: "SSL", KAFKA_CERT_FILE: "certificate", KAFKA_KEY_FILE: "old-key" }, "openssl pkcs8 -topk8"],
    [{ REGISTRY_PASSWORD: "top-secret" }, "REGISTRY_USERNAME is undefined: expected the name to log in with"],
    [{ REGISTRY_USERNAME: "a:b", REGISTRY_PASSWORD: "top-secret" }, "a name without a colon"],
    [{ REGISTRY_USERNAME: "alice" }, "REGISTRY_PASSWORD_FILE is undefined: expected the path of a file"],
    [
      { REGISTRY_URL: "http://registry:8081", REGISTRY_CA_FILE: "ca" },
      "REGISTRY_CA_FILE is ca: expected nothing, because PENSTOCK_REGISTRY_URL is no https:// URL",
    ],
  ])("%j", (settings, expected) => {
    const { complaints } = read(settings);
    expect(complaints).toContain(expected);
    expect(complaints).not.toContain("top-secret");
  });
});
