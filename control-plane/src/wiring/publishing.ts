import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { createAvroEncoder } from "../adapters/avro-encoder.ts";
import type { Config } from "../config.ts";
import type { Manifest } from "../domain/manifest.ts";
import { type PublicationSpec, subjectOf } from "../domain/publications/publication-spec.ts";
import type { Alerts } from "../services/alerts.ts";
import { batchMetricsFeed } from "../services/publications/feeds/batch-metrics.ts";
import { deadLettersFeed } from "../services/publications/feeds/dead-letters.ts";
import { finalWindowsFeed } from "../services/publications/feeds/final-windows.ts";
import type { Feed } from "../services/publications/ports.ts";
import { Publisher } from "../services/publications/publisher.ts";
import type { Snapshots } from "../services/snapshots.ts";
import type { Outside } from "./outside.ts";

export interface PublishingParts {
  manifest: Manifest;
  /** by the publication's name */
  schemas: Readonly<Record<string, string>>;
  alerts: Alerts;
  snapshots: Snapshots;
  log: FastifyBaseLogger;
}

/** All publishers of the pipeline, which start and stop together. */
export interface Publishers {
  start(): void;
  stop(): Promise<void>;
}

/** Reads the schemas that the manifest names. */
export async function readPublicationSchemas(config: Config, manifest: Manifest): Promise<Record<string, string>> {
  const named = Object.entries(manifest.publications).flatMap(([name, { schema }]) =>
    schema === null ? [] : [{ name, path: schema.path }],
  );
  const texts = named.map(async ({ name, path }) => [name, await readFile(join(config.checkoutDir, path), "utf8")]);
  return Object.fromEntries(await Promise.all(texts));
}

/** Wires what sends rows on to topics. */
export function createPublishers(
  outside: Outside,
  { manifest, schemas, alerts, snapshots, log }: PublishingParts,
): Publishers {
  const { registry, clock } = outside;
  const publishers = Object.entries(manifest.publications).map(([name, spec]) => {
    const topic = manifest.topics[spec.topic]?.name ?? spec.topic;
    const register = () => registry.register(subjectOf(topic), schemas[name] ?? "");
    return new Publisher({
      pipeline: manifest.name,
      name,
      topic,
      feed: feedOf(spec, () => createAvroEncoder(schemas[name] ?? "", register)),
      snapshots,
      link: outside.publisher,
      store: outside.publications,
      alerts,
      clock,
      log,
    });
  });
  return {
    start() {
      for (const publisher of publishers) publisher.start();
    },
    async stop() {
      await Promise.all(publishers.map((publisher) => publisher.stop()));
    },
  };
}

function feedOf({ feed, table }: PublicationSpec, encoder: () => ReturnType<typeof createAvroEncoder>): Feed {
  switch (feed) {
    case "deadLetters":
      return deadLettersFeed(table);
    case "finalWindows":
      return finalWindowsFeed(table, encoder());
    case "batchMetrics":
      return batchMetricsFeed(table);
  }
}
