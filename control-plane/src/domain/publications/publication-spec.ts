import { COMPATIBILITIES, type Compatibility } from "../compatibility.ts";
import type { StrictReader } from "../strict-reader.ts";

/** What can be sent on, by what a record of it is made from. */
export const FEEDS = ["deadLetters", "finalWindows", "batchMetrics"] as const;
export type FeedKind = (typeof FEEDS)[number];

/** How the values of a publication's records are registered; only where they are Avro. */
export interface PublicationSchema {
  /** path of the Avro schema, from the root of the checkout */
  path: string;
  compatibility: Compatibility;
}

/** Rows of a table that are sent on to a topic, each once. */
export interface PublicationSpec {
  feed: FeedKind;
  /** the table that they are read from */
  table: string;
  /** key of the topic in the manifest */
  topic: string;
  schema: PublicationSchema | null;
}

export function readPublicationSpec(entry: StrictReader): PublicationSpec {
  const feed = entry.oneOf("feed", FEEDS);
  const spec = { feed, table: entry.text("table"), topic: entry.text("topic") };
  if (feed !== "finalWindows") return { ...spec, schema: null };
  return {
    ...spec,
    schema: {
      path: entry.text("schema", /^[^/].*\.avsc$/, "the path of an .avsc file from the root of the checkout"),
      compatibility: entry.oneOf("compatibility", COMPATIBILITIES),
    },
  };
}

/** The subject of a topic's values, as every Confluent client composes it. */
export function subjectOf(topic: string): string {
  return `${topic}-value`;
}
