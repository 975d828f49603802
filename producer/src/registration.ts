import { COMPATIBILITY, SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { UsageError } from "./command-line.ts";
import { readContract } from "./contract.ts";

const WANTED = COMPATIBILITY.BACKWARD_TRANSITIVE;

/** The registry could not be asked; asking again later may work. */
export class RegistryAway extends Error {}

/**
 * Registers the contract and sets the subject's compatibility where nobody has set it yet.
 * @param url base of the registry's Confluent API
 * @returns the schema's id
 * @throws {RegistryAway} when the registry does not answer
 * @throws {UsageError} when it refuses the contract, or holds the subject to another compatibility
 */
export async function registerContract(url: string, subject: string): Promise<number> {
  const registry = new SchemaRegistry({ host: url, retry: { retries: 0 } });
  try {
    const schema = { type: SchemaType.AVRO, schema: readContract() } as const;
    const { id } = await registry.register(schema, { subject, compatibility: WANTED });
    return id;
  } catch (error) {
    throw explain(error as Error & { status?: number }, url, subject);
  }
}

function explain(error: Error & { status?: number }, url: string, subject: string): Error {
  if (error.name === "ConfluentSchemaRegistryCompatibilityError") {
    return new UsageError(
      `The registry at ${url} holds ${subject} to another compatibility than ${WANTED}: ${error.message}. ` +
        `Change it with PUT ${url}/config/${subject}, or produce to another topic.`,
    );
  }
  const reason = error.message.replace(/^.* - /, "");
  if (error.status === 409 || error.status === 422) {
    return new UsageError(
      `The registry at ${url} refuses the contract for ${subject}, which is ${WANTED}: ${reason}. ` +
        "New fields need a default; a breaking change needs a new topic version (--topic).",
    );
  }
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
