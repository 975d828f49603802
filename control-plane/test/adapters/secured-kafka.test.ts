import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lookAt } from "../../../infra/local/src/doctor/check.ts";
import { serviceChecks } from "../../../infra/local/src/doctor/services.ts";
import { createKafka } from "../../../producer/src/kafka-client.ts";
import { readTopic } from "../../../producer/src/oracle/topic.ts";
import { Sender } from "../../../producer/src/sender.ts";
import { createKafkaTopics } from "../../src/adapters/kafka.ts";
import { createKafkaPublisher } from "../../src/adapters/kafka-publisher.ts";
import { silenceKafkajsTimeoutWarning } from "../../src/adapters/kafkajs-warning.ts";
import { readConfig } from "../../src/config.ts";
import { type KafkaSecurity, readKafkaSecurity } from "../../src/domain/kafka-security.ts";
import { parseManifest } from "../../src/domain/manifest.ts";
import { OPEN_REGISTRY } from "../../src/domain/registry-access.ts";
import { createLogger } from "../../src/logger.ts";
import { HOST, startControlPlane } from "../fixtures/control-plane.ts";
import { certificate, type SecuredBroker, startSecuredBroker } from "../fixtures/secured-kafka.ts";

const WRONG = "wrong-secret-91c4";
const MANIFEST = parseManifest(readFileSync("spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml", "utf8"));
const folder = mkdtempSync(join(tmpdir(), "penstock-secured-"));
const passwordFile = join(folder, "password");

let broker: SecuredBroker;
/** of one who may enter, by PLAIN */
let plain: Record<string, string>;
let scram: Record<string, string>;
let clientCertificate: Record<string, string>;

beforeAll(async () => {
  silenceKafkajsTimeoutWarning();
  broker = await startSecuredBroker();
  writeFileSync(passwordFile, `${broker.password}\n`);
  const ca = { PENSTOCK_KAFKA_CA_FILE: certificate("ca") };
  plain = {
    ...ca,
    PENSTOCK_KAFKA_SECURITY: "SASL_SSL",
    PENSTOCK_KAFKA_SASL_MECHANISM: "PLAIN",
    PENSTOCK_KAFKA_USERNAME: broker.username,
    PENSTOCK_KAFKA_PASSWORD_FILE: passwordFile,
  };
  scram = {
    ...plain,
    PENSTOCK_KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    PENSTOCK_KAFKA_PASSWORD_FILE: "",
    PENSTOCK_KAFKA_PASSWORD: broker.scramPassword,
  };
  clientCertificate = {
    ...ca,
    PENSTOCK_KAFKA_SECURITY: "SSL",
    PENSTOCK_KAFKA_CERT_FILE: certificate("client"),
    PENSTOCK_KAFKA_KEY_FILE: certificate("client-key"),
  };
}, 180_000);

afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true });
});

function security(settings: Record<string, string>): KafkaSecurity {
  const complain = (name: string, expected: string) => {
    throw new Error(`${name}: expected ${expected}`);
  };
  return readKafkaSecurity(settings, complain, (file) => readFileSync(file, "utf8"));
}

const topic = (name: string) => ({ name, partitions: 1, retentionMs: 3_600_000 });

describe("the control plane's clients", { timeout: 60_000 }, () => {
  it.each([
    ["PLAIN", () => plain],
    ["SCRAM-SHA-512", () => scram],
  ])("make topics and publish where brokers want TLS and a login: %s", async (mechanism, settings) => {
    const name = `published-${mechanism}`;
    const access = security(settings());
    const topics = createKafkaTopics([broker.saslSsl], access);
    await topics.ensure([topic(name)]);
    expect(await topics.describe(name)).toMatchObject({ name, partitions: 1 });
    const session = await createKafkaPublisher([broker.saslSsl], access, () => undefined).open(
      `penstock.${name}`,
      name,
    );
    const record = { key: null, value: Buffer.from("one"), headers: [] };
    await session.publish([record], { generation: 1, published: 1n, total: 1n, position: null });
    await session.close();
    // With the marker of its transaction, which the broker writes after it has said that it is committed.
    await expect
      .poll(async () => (await topics.offsets(name)).get(0), { timeout: 20_000 })
      .toEqual({ earliest: 0n, latest: 2n });
    await topics.close();
  });

  it("prove who they are by a certificate", async () => {
    const topics = createKafkaTopics([broker.ssl], security(clientCertificate));
    expect(await topics.describe("nothing")).toBeNull();
    await topics.close();
  });

  const refusals: [string, () => [string, Record<string, string>], RegExp][] = [
    [
      "a wrong password",
      () => [broker.saslSsl, { ...plain, ...direct(WRONG) }],
      /_USERNAME and PENSTOCK_KAFKA_PASSWORD/,
    ],
    ["a wrong password of SCRAM", () => [broker.saslSsl, { ...scram, ...direct(WRONG) }], /PENSTOCK_KAFKA_PASSWORD/],
    [
      "a mechanism that brokers lack",
      () => [broker.saslSsl, { ...scram, PENSTOCK_KAFKA_SASL_MECHANISM: "SCRAM-SHA-256" }],
      /see PENSTOCK_KAFKA_SASL_MECHANISM \(SCRAM-SHA-256\)/,
    ],
    [
      "another CA",
      () => [broker.saslSsl, { ...plain, PENSTOCK_KAFKA_CA_FILE: certificate("other-ca") }],
      /not signed by whom PENSTOCK_KAFKA_CA_FILE names/,
    ],
    ["no CA", () => [broker.saslSsl, { ...plain, PENSTOCK_KAFKA_CA_FILE: "" }], /PENSTOCK_KAFKA_CA_FILE/],
    ["no TLS where brokers want it", () => [broker.saslSsl, {}], /PENSTOCK_KAFKA_SECURITY \(PLAINTEXT\)/],
    [
      "no login where brokers want one",
      () => [broker.saslSsl, { ...clientCertificate }],
      /see PENSTOCK_KAFKA_SECURITY \(SSL\)/,
    ],
    ["TLS where brokers have none", () => [broker.open, plain], /see PENSTOCK_KAFKA_SECURITY \(SASL_SSL\)/],
    [
      "a login where brokers want none",
      () => [broker.open, { ...plain, PENSTOCK_KAFKA_SECURITY: "SASL_PLAINTEXT", PENSTOCK_KAFKA_CA_FILE: "" }],
      /wants no login: see PENSTOCK_KAFKA_SECURITY/,
    ],
    [
      "no certificate of their own",
      () => [broker.ssl, { ...clientCertificate, PENSTOCK_KAFKA_CERT_FILE: "", PENSTOCK_KAFKA_KEY_FILE: "" }],
      /this client's certificate: see PENSTOCK_KAFKA_CERT_FILE/,
    ],
    [
      "a key that is not the certificate's",
      () => [broker.ssl, { ...clientCertificate, PENSTOCK_KAFKA_KEY_FILE: certificate("server-key") }],
      /PENSTOCK_KAFKA_KEY_FILE name cannot be used together/,
    ],
  ];
  it.each(refusals)("say soon which setting to look at: %s", { timeout: 15_000 }, async (_, of, expected) => {
    const [at, settings] = of();
    const topics = createKafkaTopics([at], security(settings));
    const refused = await topics.describe("any").then(
      () => null,
      (error) => error,
    );
    expect(refused).toMatchObject({ details: { status: 503, detail: expect.stringMatching(expected) } });
    expect(JSON.stringify(refused.details)).not.toContain(WRONG);
    await topics.close();
  });
});

describe("the producer", { timeout: 60_000 }, () => {
  const patience = { attempts: 1, signal: new AbortController().signal, log: () => undefined };
  const senderOf = (settings: Record<string, string>, name: string) => {
    const access = security(settings);
    return new Sender(
      createKafka([broker.saslSsl], "test", { retries: 1 }, access),
      [broker.saslSsl],
      name,
      patience,
      access,
    );
  };

  it("sends, and its oracle reads back, through TLS and a login", async () => {
    const topics = createKafkaTopics([broker.saslSsl], security(plain));
    await topics.ensure([topic("produced")]);
    await topics.close();
    const sender = senderOf(scram, "produced");
    await sender.connect();
    await sender.send([{ key: "a", value: "one" }]);
    await sender.disconnect();
    const kafka = createKafka([broker.saslSsl], "oracle", { retries: 5 }, security(plain));
    const { records } = await readTopic(kafka, "produced");
    expect(records.map(({ value }) => String(value))).toEqual(["one"]);
  });

  it("says which setting to look at, and not the password", async () => {
    const refused = await senderOf({ ...plain, ...direct(WRONG) }, "any")
      .connect()
      .catch((error: Error) => error);
    expect(String(refused)).toContain("see PENSTOCK_KAFKA_USERNAME and PENSTOCK_KAFKA_PASSWORD_FILE");
    expect(String(refused)).not.toContain(WRONG);
  });
});

describe("npm run doctor", { timeout: 30_000 }, () => {
  const look = async (brokers: string, settings: Record<string, string>) => {
    const away = "http://127.0.0.1:1";
    const addresses = {
      brokers: [brokers],
      registryUrl: away,
      databaseUrl: "postgres://127.0.0.1:1/penstock",
      sparkMasterUiUrl: away,
      controlPlaneUrl: away,
      connections: { kafka: security(settings), registry: OPEN_REGISTRY, forDrivers: {} },
    };
    const [kafka] = await lookAt(serviceChecks(addresses, MANIFEST));
    return kafka;
  };

  it("says whether brokers let it in, and by which protocol", async () => {
    expect(await look(broker.saslSsl, scram)).toMatchObject({
      title: `Kafka at ${broker.saslSsl} (SASL_SSL)`,
      status: "ok",
      text: expect.stringContaining("answers, 1 broker; not there yet: sales.events.v1"),
    });
  });

  it("says which setting to look at when they do not", async () => {
    expect(await look(broker.saslSsl, {})).toMatchObject({
      status: "fail",
      next: expect.stringContaining("PENSTOCK_KAFKA_SECURITY (PLAINTEXT)"),
    });
    const refused = await look(broker.saslSsl, { ...plain, ...direct(WRONG) });
    expect(refused).toMatchObject({ status: "fail", next: expect.stringContaining("PENSTOCK_KAFKA_PASSWORD_FILE") });
    expect(JSON.stringify(refused)).not.toContain(WRONG);
  });
});

describe("a whole control plane", { timeout: 90_000 }, () => {
  it("answers and logs what is wrong with a login, and hands drivers the path of the password and never the password", async () => {
    let logged = "";
    const output = new Writable({
      write(chunk, _, done) {
        logged += String(chunk);
        done();
      },
    });
    writeFileSync(join(folder, "wrong"), WRONG);
    const settings = { ...plain, PENSTOCK_KAFKA_PASSWORD_FILE: join(folder, "wrong") };
    const running = await startControlPlane(
      { ...settings, PENSTOCK_KAFKA_BROKERS: broker.saslSsl },
      createLogger("trace", output),
    );
    try {
      const get = (url: string) => running.controlPlane.app.inject({ url, headers: { host: HOST } });
      const answers = [await get("/readyz"), await get("/v1/topics"), await get("/v1/jobs/sales.bronze/offsets")];
      const text = answers.map(({ body }) => body).join("\n");
      expect(text).toContain("PENSTOCK_KAFKA_PASSWORD_FILE");
      expect(`${text}${logged}`).not.toContain(WRONG);
    } finally {
      await running.stop();
    }
  });

  it("tells drivers where secrets lie, and no secret", () => {
    const secret = join(folder, "token");
    writeFileSync(secret, "t".repeat(43));
    const config = readConfig({
      ...scram,
      PENSTOCK_STATE_DIR: folder,
      PENSTOCK_DATABASE_URL: "postgres://127.0.0.1/penstock",
      PENSTOCK_KAFKA_BROKERS: broker.saslSsl,
      PENSTOCK_REGISTRY_URL: "http://127.0.0.1:1",
      PENSTOCK_SPARK_MASTER_URL: "spark://127.0.0.1:7077",
      PENSTOCK_SPARK_MASTER_REST_URL: "http://127.0.0.1:6066",
      PENSTOCK_SPARK_MASTER_UI_URL: "http://127.0.0.1:8090",
      PENSTOCK_SPARK_REST_SECRET_FILE: secret,
      PENSTOCK_RUNNER_TOKEN_FILE: secret,
      PENSTOCK_PYTHON: "python3",
      PENSTOCK_JAVA_HOME: "java",
      PENSTOCK_SPARK_JARS_DIR: "jars",
    });
    expect(config.connections.forDrivers).toEqual({
      PENSTOCK_KAFKA_SECURITY: "SASL_SSL",
      PENSTOCK_KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      PENSTOCK_KAFKA_USERNAME: broker.username,
      PENSTOCK_KAFKA_CA_FILE: certificate("ca"),
    });
  });
});

/** A password that stands in its setting. */
function direct(password: string): Record<string, string> {
  return { PENSTOCK_KAFKA_PASSWORD_FILE: "", PENSTOCK_KAFKA_PASSWORD: password };
}
