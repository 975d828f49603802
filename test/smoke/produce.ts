import { spawn } from "node:child_process";
import { join } from "node:path";
import type { PipelineParameters } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import type { Stack } from "../stack/stack.ts";

/** What the producer is to send. */
export interface Order {
  topic: string;
  seed: number;
  events: number;
  /** events per second; as fast as possible when left out */
  rate?: number;
  parameters: PipelineParameters;
}

/** Every outcome and every reason occurs; copies and late events as in the reference system. */
const SHARES = {
  duplicates: 0.02,
  late: 0.05,
  "too-late": 0.005,
  future: 0.005,
  undecodable: 0.01,
  invalid: 0.02,
};

/**
 * Runs the producer as a user would, and waits for its end.
 * @returns its summary
 * @throws with its words when it fails
 */
export async function runProducer(stack: Stack, order: Order, signal: AbortSignal): Promise<string> {
  const options = {
    brokers: stack.brokers.join(","),
    registry: stack.registryUrl,
    topic: order.topic,
    seed: order.seed,
    count: order.events,
    rate: order.rate ?? 0,
    "allowed-lateness": `${order.parameters.allowedLatenessMs}ms`,
    "allowed-skew": `${order.parameters.allowedSkewMs}ms`,
    ...SHARES,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const producer = spawn(process.execPath, [join(CHECKOUT, "producer", "src", "main.ts"), ...args], {
    env: stack.environment,
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGINT",
  });
  let summary = "";
  let complaints = "";
  producer.stdout.setEncoding("utf8").on("data", (text: string) => (summary += text));
  producer.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const code = await new Promise((resolve, reject) => {
    producer.once("error", reject);
    producer.once("close", resolve);
  });
  if (code !== 0) throw new Error(`The producer ended with ${code}:\n${complaints.trim()}`);
  return summary.trim();
}
