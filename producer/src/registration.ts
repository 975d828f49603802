import { COMPATIBILITY, SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { UsageError } from "./command-line.ts";
import { readContract } from "./contract.ts";
import { misfits } from "./misfits.ts";

const WANTED = COMPATIBILITY.BACKWARD_TRANSITIVE;

/** The registry could not be asked; asking again later may work. */
export class RegistryAway extends Error {}

/**
 * Registers the contract, or another schema, and sets the subject's compatibility where nobody has set it yet.
 * @param url base of the registry's Confluent API
 * @param schema as JSON text
 * @returns the schema's id
 * @throws {RegistryAway} when the registry does not answer
 * @throws {UsageError} when it refuses the schema, or holds the subject to another compatibility
 */
export async function registerContract(
  url: string,
  subject: string,
  schema = readContract(),
  type = SchemaType.AVRO,
): Promise<number> {
  const registry = new SchemaRegistry({ host: url, retry: { retries: 0 } });
  try {
    // The client's types ask for a constant where it takes any of its types of schemas.
    const confluent = { type, schema } as { type: SchemaType.AVRO; schema: string };
    const { id } = await registry.register(confluent, { subject, compatibility: WANTED });
    return id;
  } catch (error) {
    const failure = error as Error & { status?: number };
    if (failure.status === 409 || failure.status === 422) throw await explainRefusal(failure, url, subject, schema);
    throw explain(failure, url, subject);
  }
}

/** The registry's own words, and in ours which field does not fit: not every registry says that. */
async function explainRefusal(error: Error, url: string, subject: string, contract: string): Promise<Error> {
  const found = misfits(contract, await versionsOf(url, subject));
  const reasons = found.length > 0 ? `:\n${found.map((text) => `  - ${text}.`).join("\n")}\n` : `: ${wordsOf(error)}. `;
  return new UsageError(
    `The registry at ${url} refuses the contract for ${subject}. Its rule is ${WANTED}: the new schema must read what every older version wrote${reasons}` +
      "A change that cannot be made so needs a new topic version (--topic). POST /v1/schemas/{subject}/check tries a schema without registering it.",
  );
}

async function versionsOf(url: string, subject: string): Promise<{ version: number; schema: string }[]> {
  const path = `${url}/subjects/${encodeURIComponent(subject)}/versions`;
  try {
    const versions = (await (await fetch(path)).json()) as number[];
    const ask = async (version: number) => (await fetch(`${path}/${version}`)).json();
    return (await Promise.all(versions.map(ask))) as { version: number; schema: string }[];
  } catch {
    // The refusal is what matters: without the older versions it is told in the registry's words.
    return [];
  }
}

function wordsOf(error: Error): string {
  return error.message.replace(/^.* - /, "");
}

function explain(error: Error & { status?: number }, url: string, subject: string): Error {
  if (error.name === "ConfluentSchemaRegistryCompatibilityError") {
    return new UsageError(
      `The registry at ${url} holds ${subject} to another compatibility than ${WANTED}: ${error.message}. ` +
        `Change it with PUT ${url}/config/${subject}, or produce to another topic.`,
    );
  }
  const reason = wordsOf(error);
  // To the registry's client a connection that fails is an answer with status 400 and without a message.
  const isUnanswered = error.status === 400 && reason.startsWith("Error, status 400");
  if (error.status === undefined || isUnanswered || error.status === 404 || error.status >= 500) {
    return new RegistryAway(
      `The schema registry does not answer at ${url} (${reason.replace(/^Error, status \d+: /, "") || error.name}).`,
    );
  }
  return new UsageError(
    `The registry at ${url} answered ${error.status} to the registration of ${subject}: ${reason}.`,
  );
}
