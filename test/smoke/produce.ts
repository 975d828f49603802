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
  /** everything nasty instead of the usual mix */
  nasty?: { start: Date; pace: number };
  /** events of the sequence that were sent before */
  skip?: number;
}

/** A producer at work. */
export interface Producing {
  /** its summary; rejects with its words when it fails */
  ended: Promise<string>;
  /** Lets it send what is under way. @returns how many events it has sent in all */
  stop(): Promise<number>;
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
  return await startProducer(stack, order, signal).ended;
}

/** Runs the producer as a user would. */
export function startProducer(stack: Stack, order: Order, signal: AbortSignal): Producing {
  const producer = spawn(
    process.execPath,
    [join(CHECKOUT, "producer", "src", "main.ts"), ...argumentsOf(stack, order)],
    {
      env: stack.environment,
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGINT",
    },
  );
  let summary = "";
  let complaints = "";
  producer.stdout.setEncoding("utf8").on("data", (text: string) => (summary += text));
  producer.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const ended = new Promise<string>((resolve, reject) => {
    producer.once("error", reject);
    producer.once("close", (code) => {
      if (code === 0) resolve(summary.trim());
      else reject(new Error(`The producer ended with ${code}:\n${complaints.trim()}`));
    });
  });
  // Who stops it asks only then how it ended: Ctrl-C before that is no failure that nobody handles.
  ended.catch(() => undefined);
  return {
    ended,
    async stop() {
      producer.kill("SIGINT");
      return sentBy(await ended);
    },
  };
}

function argumentsOf(stack: Stack, { topic, seed, events, rate = 0, parameters, nasty, skip = 0 }: Order): string[] {
  const options = {
    brokers: stack.brokers.join(","),
    registry: stack.registryUrl,
    topic,
    seed,
    count: events,
    rate,
    skip,
    "allowed-lateness": `${parameters.allowedLatenessMs}ms`,
    "allowed-skew": `${parameters.allowedSkewMs}ms`,
    ...(nasty === undefined
      ? SHARES
      : { mix: "nasty", window: `${parameters.windowMs}ms`, start: nasty.start.toISOString(), pace: nasty.pace }),
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function sentBy(summary: string): number {
  const [, sent] = /^Sent ([\d,]+) events/.exec(summary) ?? [];
  if (sent === undefined) throw new Error(`The producer does not say how many events it has sent: ${summary}`);
  return Number(sent.replaceAll(",", ""));
}
