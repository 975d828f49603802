import { parse, YAMLParseError } from "yaml";
import { COMPATIBILITIES, type Compatibility } from "./compatibility.ts";
import { checkReferences } from "./manifest-references.ts";
import { type PublicationSpec, readPublicationSpec } from "./publications/publication-spec.ts";
import { type Aliases, readAliases } from "./specs/alias-spec.ts";
import { type ApplicationSpec, readApplicationSpec } from "./specs/application-spec.ts";
import { type JobSpec, readJobSpec } from "./specs/job-spec.ts";
import { type Complaint, StrictReader, sentence } from "./strict-reader.ts";

/** A topic of the pipeline. */
export interface TopicSpec {
  name: string;
  partitions: number;
  /** `message.timestamp.type`; undefined leaves it to the broker */
  timestampType?: "LogAppendTime" | "CreateTime";
  retentionMs: number;
  /** `max.message.bytes`; undefined leaves it to the broker */
  maxMessageBytes?: number;
}

export interface ContractSpec {
  subject: string;
  /** path of the Avro schema, from the root of the checkout */
  schema: string;
  compatibility: Compatibility;
}

/** What decides the outcome of a record and when a window is final; durations in milliseconds. */
export interface PipelineParameters {
  windowMs: number;
  allowedLatenessMs: number;
  allowedSkewMs: number;
  dedupHorizonMs: number;
  latencySlaMs: number;
  idleTickMs: number;
  clockMarginMs: number;
  /** none when left out */
  aliases?: Aliases;
}

export interface HousekeepingSpec {
  /** commits between two Delta checkpoints */
  checkpointInterval: number;
  logRetentionMs: number;
  /** commits between two compactions of a table */
  optimizeAfter: number;
  fileRetentionMs: number;
  vacuumEveryMs: number;
}

export interface DataQualitySpec {
  /** path of the rules, from the root of the checkout */
  rules: string;
}

/** A pipeline as declared; topics, publications, applications and jobs by their keys, durations in milliseconds. */
export interface Manifest {
  name: string;
  /** `events` is always there: the source of the pipeline */
  topics: { events: TopicSpec } & Record<string, TopicSpec>;
  contract: ContractSpec;
  /** what is sent on to topics; may be none */
  publications: Record<string, PublicationSpec>;
  dataQuality: DataQualitySpec;
  parameters: PipelineParameters;
  applications: Record<string, ApplicationSpec>;
  jobs: Record<string, JobSpec>;
  housekeeping: HousekeepingSpec;
}

const NAME = /^[a-z][a-z0-9_-]*$/;
/** What Penstock itself says about a record needs room, and a request to Kafka holds 100 MB at most. */
const [LEAST_MESSAGE_BYTES, MOST_MESSAGE_BYTES] = [16_384, 64 * 1024 * 1024];
const TOPIC_NAME = /^[A-Za-z0-9._-]{1,249}$/;

/** Thrown by {@link parseManifest}; `complaints` has everything that is wrong, not only the first. */
export class ManifestError extends Error {
  readonly complaints: Complaint[];

  constructor(complaints: Complaint[]) {
    super(`The manifest is not valid:\n${complaints.map((complaint) => `  - ${sentence(complaint)}`).join("\n")}`);
    this.name = "ManifestError";
    this.complaints = complaints;
  }
}

/**
 * Reads a pipeline manifest (docs/contracts.md §2) and checks it as a whole.
 * @throws {ManifestError} naming every unknown key, bad value and unknown reference by its path
 */
export function parseManifest(text: string): Manifest {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new ManifestError([{ path: "document", expected: `YAML (${error.message})` }]);
  }
  const root = new StrictReader(document);
  const manifest: Manifest = {
    name: root.text("name", NAME, "a name of lower-case letters, digits, - and _"),
    topics: readTopics(root.map("topics")),
    contract: readContract(root.map("contract")),
    publications: root.has("publications") ? readEach(root.map("publications"), readPublicationSpec) : {},
    dataQuality: readDataQuality(root.map("dataQuality")),
    parameters: readParameters(root.map("parameters")),
    applications: readEach(root.map("applications"), readApplicationSpec),
    jobs: readEach(root.map("jobs"), readJobSpec),
    housekeeping: readHousekeeping(root.map("housekeeping")),
  };
  root.refuseUnknownKeys();
  if (root.complaints.length === 0) checkReferences(manifest, root);
  if (root.complaints.length > 0) throw new ManifestError(root.complaints);
  return manifest;
}

function readEach<T>(map: StrictReader, read: (entry: StrictReader) => T): Record<string, T> {
  return Object.fromEntries(
    map.keys().map((key) => {
      const entry = map.map(key);
      const value = read(entry);
      entry.refuseUnknownKeys();
      return [key, value];
    }),
  );
}

function readTopics(map: StrictReader): Manifest["topics"] {
  const topics = readEach(map, (entry) => ({
    name: entry.text("name", TOPIC_NAME, "a topic name (letters, digits, . _ -)"),
    partitions: entry.wholeNumber("partitions", 1),
    ...(entry.has("timestampType")
      ? { timestampType: entry.oneOf("timestampType", ["LogAppendTime", "CreateTime"]) }
      : {}),
    retentionMs: entry.duration("retention", 1),
    ...(entry.has("maxMessageBytes")
      ? { maxMessageBytes: entry.wholeNumber("maxMessageBytes", LEAST_MESSAGE_BYTES, MOST_MESSAGE_BYTES) }
      : {}),
  }));
  if (topics.events === undefined) map.complain("events", undefined, "the topic that the pipeline reads");
  return topics as Manifest["topics"];
}

function readContract(map: StrictReader): ContractSpec {
  const contract = {
    subject: map.text("subject"),
    schema: map.text("schema", /^[^/].*\.avsc$/, "the path of an .avsc file from the root of the checkout"),
    compatibility: map.oneOf("compatibility", COMPATIBILITIES),
  };
  map.refuseUnknownKeys();
  return contract;
}

function readDataQuality(map: StrictReader): DataQualitySpec {
  const dataQuality = {
    rules: map.text("rules", /^[^/].*\.yaml$/, "the path of a .yaml file from the root of the checkout"),
  };
  map.refuseUnknownKeys();
  return dataQuality;
}

function readParameters(map: StrictReader): PipelineParameters {
  const parameters = {
    windowMs: map.duration("window", 1),
    allowedLatenessMs: map.duration("allowedLateness"),
    allowedSkewMs: map.duration("allowedSkew"),
    dedupHorizonMs: map.duration("dedupHorizon", 1),
    latencySlaMs: map.duration("latencySla", 1),
    idleTickMs: map.duration("idleTick", 1),
    clockMarginMs: map.duration("clockMargin"),
    ...(map.has("aliases") ? { aliases: readAliases(map.map("aliases")) } : {}),
  };
  map.refuseUnknownKeys();
  // Two accepted copies lie at most lateness + skew apart: with less state a replay could tell them apart differently.
  const least = parameters.allowedLatenessMs + parameters.allowedSkewMs;
  if (parameters.dedupHorizonMs < least) {
    map.complain("dedupHorizon", parameters.dedupHorizonMs, `at least allowedLateness + allowedSkew (${least} ms)`);
  }
  return parameters;
}

function readHousekeeping(map: StrictReader): HousekeepingSpec {
  const housekeeping = {
    checkpointInterval: map.wholeNumber("checkpointInterval", 1),
    logRetentionMs: map.duration("logRetention", 1),
    optimizeAfter: map.wholeNumber("optimizeAfter", 1),
    fileRetentionMs: map.duration("fileRetention", 1),
    vacuumEveryMs: map.duration("vacuumEvery", 1),
  };
  map.refuseUnknownKeys();
  return housekeeping;
}
