import kafkajs, { type Admin } from "kafkajs";
import pg from "pg";
import type { Connections } from "../../../../control-plane/src/domain/connections.ts";
import { kafkaAdvice } from "../../../../control-plane/src/domain/kafka-refusal.ts";
import type { KafkaSecurity } from "../../../../control-plane/src/domain/kafka-security.ts";
import type { Manifest, TopicSpec } from "../../../../control-plane/src/domain/manifest.ts";
import {
  loginHeaders,
  type RegistryAccess,
  registryAdvice,
} from "../../../../control-plane/src/domain/registry-access.ts";
import { createKafka } from "../../../../producer/src/kafka-client.ts";
import { bodyOf } from "../services/readiness.ts";
import type { Check, Finding } from "./check.ts";

// A CommonJS module whose names Node cannot see from outside.
const { ConfigResourceTypes } = kafkajs;

/** Where the services are that a stack would use: its own, or ones that run elsewhere. */
export interface Addresses {
  brokers: string[];
  registryUrl: string;
  databaseUrl: string;
  sparkMasterUiUrl: string;
  controlPlaneUrl: string;
  /** how Kafka and the registry are reached */
  connections: Connections;
}

const ANSWER_WITHIN_MS = 3_000;
const NOT_RUNNING = "start the stack (npm start), or name another address";

/** A look at each service: whether it answers, its version, and what it lacks for the manifest. */
export function serviceChecks(at: Addresses, manifest: Manifest): Check[] {
  return [
    {
      title: `Kafka at ${at.brokers.join(", ")} (${at.connections.kafka.protocol})`,
      look: () => lookAtKafka(at.brokers, at.connections.kafka, Object.values(manifest.topics)),
    },
    {
      title: `Schema registry at ${at.registryUrl}`,
      look: () => lookAtRegistry(at.registryUrl, at.connections.registry, manifest.contract.subject),
    },
    { title: `Postgres at ${withoutPassword(at.databaseUrl)}`, look: () => lookAtPostgres(at.databaseUrl) },
    { title: `Spark master at ${at.sparkMasterUiUrl}`, look: () => lookAtSpark(at.sparkMasterUiUrl) },
    { title: `Control plane at ${at.controlPlaneUrl}`, look: () => lookAtControlPlane(at.controlPlaneUrl) },
  ];
}

async function lookAtKafka(brokers: string[], security: KafkaSecurity, topics: readonly TopicSpec[]): Promise<Finding> {
  const admin = createKafka(brokers, "penstock-doctor", { retries: 0 }, security).admin();
  try {
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    const { brokers: members } = await admin.describeCluster();
    const found = topics.filter(({ name }) => existing.has(name));
    const missing = topics.filter(({ name }) => !existing.has(name)).map(({ name }) => name);
    const odd = (await Promise.all(found.map((topic) => differenceOf(admin, topic)))).filter((text) => text !== null);
    const text = `answers, ${members.length} broker${members.length === 1 ? "" : "s"}`;
    if (odd.length > 0) return { status: "warn", text: `${text}; ${odd.join("; ")}`, next: TIMESTAMPS };
    return { status: "ok", text: missing.length > 0 ? `${text}; not there yet: ${missing.join(", ")}` : text };
  } catch (error) {
    const next = kafkaAdvice(error, security, false) ?? `${NOT_RUNNING} by PENSTOCK_KAFKA_BROKERS`;
    return { status: "fail", text: (error as Error).message.trim(), next };
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

const TIMESTAMPS =
  "declare the topic's timestampType in the manifest as it is; docs/decisions/0019 says what follows from CreateTime";

/** How a topic's timestamps differ from what the manifest declares: what becomes of late records depends on them. */
async function differenceOf(admin: Admin, topic: TopicSpec): Promise<string | null> {
  if (topic.timestampType === undefined) return null;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic.name, configNames: ["message.timestamp.type"] }],
  });
  const actual = resources[0]?.configEntries[0]?.configValue;
  return actual === topic.timestampType
    ? null
    : `${topic.name} has ${actual}, the manifest declares ${topic.timestampType}`;
}

async function lookAtRegistry(url: string, { login }: RegistryAccess, subject: string): Promise<Finding> {
  const headers = loginHeaders(login);
  const elsewhere = `${NOT_RUNNING} by PENSTOCK_REGISTRY_URL`;
  let answer: Response;
  try {
    answer = await fetch(`${url}/subjects`, { headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch (error) {
    const cause = ((error as Error).cause ?? error) as Error & { code?: string };
    const text = `does not answer: ${wordsOf(cause)}`;
    return { status: "fail", text, next: registryAdvice(undefined, cause.code) ?? elsewhere };
  }
  if (!answer.ok)
    return { status: "fail", text: `answers ${answer.status}`, next: registryAdvice(answer.status) ?? elsewhere };
  const subjects = (await answer.json()) as string[];
  const known = subjects.includes(subject) ? `knows ${subject}` : `${subject} is not registered yet`;
  return { status: "ok", text: `answers; ${known}` };
}

async function lookAtPostgres(connectionString: string): Promise<Finding> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: ANSWER_WITHIN_MS });
  // Without a listener a connection that breaks later would end this process.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
    return { status: "ok", text: `answers, version ${rows[0]?.server_version}` };
  } catch (error) {
    return { status: "fail", text: wordsOf(error), next: `${NOT_RUNNING} by PENSTOCK_DATABASE_URL` };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function lookAtSpark(url: string): Promise<Finding> {
  const body = await bodyOf(`${url}/json/`);
  if (body === null)
    return { status: "fail", text: "does not answer", next: `${NOT_RUNNING} by PENSTOCK_SPARK_MASTER_UI_URL` };
  const { status, workers } = JSON.parse(body) as { status: string; workers: { state: string; cores: number }[] };
  const alive = workers.filter(({ state }) => state === "ALIVE");
  const cores = alive.reduce((sum, worker) => sum + worker.cores, 0);
  const text = `${status}, ${alive.length} worker${alive.length === 1 ? "" : "s"} with ${cores} cores`;
  return { status: status === "ALIVE" && cores > 0 ? "ok" : "warn", text };
}

async function lookAtControlPlane(url: string): Promise<Finding> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => null);
  if (answer === null) return { status: "fail", text: "does not answer", next: NOT_RUNNING };
  const { checks } = (await answer.json()) as { checks: { name: string; status: string; text: string }[] };
  const bad = checks.filter(({ status }) => status !== "ok").map(({ name, text }) => `${name}: ${text}`);
  return bad.length === 0 ? { status: "ok", text: "ready" } : { status: "warn", text: bad.join("; ") };
}

/** Several addresses of one name fail with several errors, and no message of its own. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "an address that is no URL";
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
