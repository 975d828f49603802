import { type Login, type ReadFile, readPassword, readPem } from "./credentials.ts";
import type { Complain, Environment } from "./setting-reader.ts";

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;
const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** How Kafka's clients connect: in Kafka's own words. */
export interface KafkaSecurity {
  protocol: (typeof PROTOCOLS)[number];
  /** null: Kafka asks for none */
  login: (Login & { mechanism: (typeof MECHANISMS)[number] }) | null;
  /** null: connections are not encrypted */
  tls: {
    /** certificates, as PEM, of those who sign the brokers'; null: the CAs that everybody trusts */
    ca: string | null;
    /** with which the client proves who it is, as PEM; null where brokers do not ask */
    client: { certificate: string; key: string } | null;
  } | null;
}

/** Of a broker that asks nobody for anything, such as the one of the local stack. */
export const UNPROTECTED: KafkaSecurity = { protocol: "PLAINTEXT", login: null, tls: null };

const PROTOCOL = "PENSTOCK_KAFKA_SECURITY";
const MECHANISM = "PENSTOCK_KAFKA_SASL_MECHANISM";
const USERNAME = "PENSTOCK_KAFKA_USERNAME";
const [CA, CERTIFICATE, KEY] = ["PENSTOCK_KAFKA_CA_FILE", "PENSTOCK_KAFKA_CERT_FILE", "PENSTOCK_KAFKA_KEY_FILE"];
const OF_SASL = [MECHANISM, USERNAME, "PENSTOCK_KAFKA_PASSWORD", "PENSTOCK_KAFKA_PASSWORD_FILE"];
const OF_TLS = [CA, CERTIFICATE, KEY];
/** Every setting that says how Kafka is reached. */
export const KAFKA_SETTINGS: readonly string[] = [PROTOCOL, ...OF_SASL, ...OF_TLS];

/** Reads the settings for Kafka; what does not fit together is complained of, and no complaint quotes a password. */
export function readKafkaSecurity(env: Environment, complain: Complain, readFile: ReadFile): KafkaSecurity {
  const wish = env[PROTOCOL] || UNPROTECTED.protocol;
  const protocol = PROTOCOLS.find((each) => each === wish);
  if (protocol === undefined) {
    complain(PROTOCOL, `one of ${PROTOCOLS.join(", ")}`);
    return UNPROTECTED;
  }
  const [sasl, tls] = [protocol.startsWith("SASL_"), protocol.endsWith("SSL")];
  const given = (names: string[]) => names.filter((name) => env[name]);
  const unused = [...(sasl ? [] : given(OF_SASL)), ...(tls ? [] : given(OF_TLS))];
  // A setting that is not used would let somebody believe that it is.
  if (unused.length > 0) {
    const fitting = PROTOCOLS.filter((each) => unused.every((name) => isUsedBy(each, name)));
    complain(PROTOCOL, `${fitting.join(" or ")}, because of ${unused.join(", ")}`);
  }
  return {
    protocol,
    login: sasl ? readLogin(protocol, env, complain, readFile) : null,
    tls: tls ? readTls(env, complain, readFile) : null,
  };
}

function isUsedBy(protocol: string, name: string): boolean {
  return OF_SASL.includes(name) ? protocol.startsWith("SASL_") : protocol.endsWith("SSL");
}

function readLogin(protocol: string, env: Environment, complain: Complain, readFile: ReadFile): KafkaSecurity["login"] {
  const why = `${PROTOCOL} is ${protocol}`;
  const mechanism = MECHANISMS.find((each) => each === env[MECHANISM]);
  if (mechanism === undefined) complain(MECHANISM, `one of ${MECHANISMS.join(", ")}, because ${why}`);
  const username = env[USERNAME] ?? "";
  if (username === "") complain(USERNAME, `the name to log in with, because ${why}`);
  const password = readPassword("PENSTOCK_KAFKA", env, complain, readFile, why);
  return mechanism === undefined || password === null ? null : { mechanism, username, password };
}

function readTls(env: Environment, complain: Complain, readFile: ReadFile): KafkaSecurity["tls"] {
  const certificate = readPem(CERTIFICATE, "certificates", env, complain, readFile);
  const key = readPem(KEY, "key", env, complain, readFile);
  for (const [one, other] of [
    [CERTIFICATE, KEY],
    [KEY, CERTIFICATE],
  ] as const) {
    if (env[one] && !env[other]) complain(other, `a value, because ${one} is set`);
  }
  return {
    ca: readPem(CA, "certificates", env, complain, readFile),
    client: certificate === null || key === null ? null : { certificate, key },
  };
}

/** What kafkajs has to be told. */
export interface ClientSecurity {
  ssl?: true | { ca?: [string]; cert?: string; key?: string };
  sasl?: ClientLogin;
}

type ClientMechanism = "plain" | "scram-sha-256" | "scram-sha-512";
type ClientLogin = { [M in ClientMechanism]: Login & { mechanism: M } }[ClientMechanism];

const CLIENT_MECHANISMS = {
  PLAIN: "plain",
  "SCRAM-SHA-256": "scram-sha-256",
  "SCRAM-SHA-512": "scram-sha-512",
} as const;

/** The same in the words of kafkajs. */
export function clientSecurity({ login, tls }: KafkaSecurity): ClientSecurity {
  const files = {
    ...(tls?.ca ? { ca: [tls.ca] as [string] } : {}),
    ...(tls?.client ? { cert: tls.client.certificate, key: tls.client.key } : {}),
  };
  return {
    ...(tls === null ? {} : { ssl: Object.keys(files).length === 0 ? true : files }),
    ...(login === null ? {} : { sasl: { ...login, mechanism: CLIENT_MECHANISMS[login.mechanism] } as ClientLogin }),
  };
}
