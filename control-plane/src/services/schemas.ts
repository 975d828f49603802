import { comparisons } from "../domain/compatibility.ts";
import type { Manifest } from "../domain/manifest.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import { subjectOf } from "../domain/publications/publication-spec.ts";
import type { SchemaRegistry } from "./ports.ts";

/** Understands Avro schemas, given as parsed JSON. */
export interface AvroSchemas {
  /** why it is no Avro schema; null when it is one */
  refusal(schema: unknown): string | null;
  /** why records written with one schema cannot be read with another; null when they can */
  misfit(reader: unknown, writer: unknown): string | null;
}

export interface SubjectAnswer {
  subject: string;
  topic: string;
  compatibility: { declared: string; actual: string | null };
  versions: { version: number; id: number; schema: unknown }[];
}

export interface CheckAnswer {
  subject: string;
  compatible: boolean;
  level: string | null;
  /** versions that the level compares a new schema with */
  comparedWith: number[];
  messages: string[];
}

/** Reads the schemas of the pipeline's contract and of what it publishes, and tries new ones; registers nothing. */
export class Schemas {
  private readonly registry: SchemaRegistry;
  private readonly avro: AvroSchemas;
  private readonly manifest: Manifest;

  constructor(registry: SchemaRegistry, avro: AvroSchemas, manifest: Manifest) {
    this.registry = registry;
    this.avro = avro;
    this.manifest = manifest;
  }

  /** @throws Problem `dependency_unavailable` when the registry is away */
  async list(): Promise<SubjectAnswer[]> {
    return Promise.all(Object.keys(this.subjects()).map((subject) => this.get(subject)));
  }

  /** What is declared: the contract, and the values of what is published as Avro. */
  private subjects(): Record<string, { topic: string; compatibility: string }> {
    const { contract, topics, publications } = this.manifest;
    const published = Object.values(publications).flatMap(({ topic, schema }) => {
      const name = topics[topic]?.name ?? topic;
      return schema === null ? [] : [[subjectOf(name), { topic: name, compatibility: schema.compatibility }] as const];
    });
    return {
      [contract.subject]: { topic: topics.events.name, compatibility: contract.compatibility },
      ...Object.fromEntries(published),
    };
  }

  /** @throws Problem `unknown_subject`, `dependency_unavailable` */
  async get(subject: string): Promise<SubjectAnswer> {
    const subjects = this.subjects();
    const declared = subjects[subject];
    if (declared === undefined) throw unknownSubject(subject, Object.keys(subjects));
    const [actual, numbers] = await Promise.all([this.level(subject), this.registry.versions(subject)]);
    const versions = await Promise.all(
      numbers.map(async (version) => ({ version, ...(await this.registry.schema(subject, version)) })),
    );
    return {
      subject,
      topic: declared.topic,
      compatibility: { declared: declared.compatibility, actual },
      versions: versions.map(({ version, id, schema }) => ({ version, id, schema: asJson(schema) })),
    };
  }

  /**
   * Whether the registry would take a schema as the subject's next version.
   * @param given a schema as JSON, or as text of JSON
   * @throws Problem `invalid_request` when it is no Avro schema; `unknown_subject`, `dependency_unavailable`
   */
  async check(subject: string, given: unknown): Promise<CheckAnswer> {
    const schema = asJson(given);
    const refusal = this.avro.refusal(schema);
    if (refusal !== null) throw noSchema(given, refusal);
    const present = await this.get(subject);
    const level = present.compatibility.actual;
    const compared = comparisons(
      level,
      present.versions.map(({ version }) => version),
    );
    const verdict =
      present.versions.length === 0
        ? { compatible: true, messages: [] }
        : await this.registry.check(subject, JSON.stringify(schema));
    if ("refusal" in verdict) throw noSchema(given, verdict.refusal);
    return {
      subject,
      compatible: verdict.compatible,
      level,
      comparedWith: [...new Set(compared.map(({ version }) => version))],
      messages: verdict.compatible ? [] : this.explain(verdict.messages, schema, present, compared, level),
    };
  }

  /** The registry's own words where it has any; some only say no. */
  private explain(
    words: string[],
    schema: unknown,
    { versions }: SubjectAnswer,
    compared: ReturnType<typeof comparisons>,
    level: string | null,
  ): string[] {
    const found = compared.flatMap(({ version, direction }) => {
      const old = versions.find((known) => known.version === version)?.schema;
      const isBackward = direction === "new reads old";
      const misfit = isBackward ? this.avro.misfit(schema, old) : this.avro.misfit(old, schema);
      if (misfit === null) return [];
      const what = isBackward
        ? `records of version ${version} cannot be read with the new schema`
        : `records of the new schema cannot be read with version ${version}`;
      return [`${what}: ${misfit}`];
    });
    const messages = [...words, ...found];
    return messages.length > 0 ? messages : [`the registry refuses it under ${level} and gives no reason`];
  }

  private async level(subject: string): Promise<string | null> {
    return (await this.registry.compatibility(subject)) ?? (await this.registry.compatibility(null));
  }
}

/** Confluent's API takes and gives schemas as text of JSON. */
function asJson(schema: unknown): unknown {
  if (typeof schema !== "string") return schema;
  try {
    return JSON.parse(schema);
  } catch {
    // The name of a primitive type is a schema as well.
    return schema;
  }
}

function noSchema(given: unknown, words: string): Problem {
  const value = typeof given === "string" ? given.slice(0, 200) : undefined;
  return invalidRequest([
    {
      field: "body.schema",
      ...(value === undefined ? {} : { value }),
      expected: `an Avro schema; this is none: ${words}`,
    },
  ]);
}

function unknownSubject(subject: string, known: string[]): Problem {
  return new Problem({
    status: 404,
    code: "unknown_subject",
    title: "No such subject",
    detail: `The pipeline has no subject ${JSON.stringify(subject)}.`,
    next: `Known subjects: ${known.join(", ")}.`,
  });
}
