import { COMPATIBILITY, SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { loginHeaders, registryAdvice } from "../../control-plane/src/domain/registry-access.ts";
import { UsageError } from "./command-line.ts";
import { readContract } from "./contract.ts";
import { misfits } from "./misfits.ts";
import { type Registry, registryAt } from "./registry.ts";

const WANTED = COMPATIBILITY.BACKWARD_TRANSITIVE;

/** The registry could not be asked; asking again later may work. */
export class RegistryAway extends Error {}

/**
 * Registers the contract, or another schema, and sets the subject's compatibility where nobody has set it yet.
 * @param registry its address, or that and how to log in
 * @param schema as JSON text
 * @returns the schema's id
 * @throws {RegistryAway} when the registry does not answer
 * @throws {UsageError} when it refuses the schema, or holds the subject to another compatibility
 */
export async function registerContract(
  registry: string | Registry,
  subject: string,
  schema = readContract(),
  type = SchemaType.AVRO,
): Promise<number> {
  const at = registryAt(registry);
  const auth = at.login === null ? {} : { auth: { ...at.login } };
  const client = new SchemaRegistry({ host: at.url, retry: { retries: 0 }, ...auth });
  try {
    // The client's types ask for a constant where it takes any of its types of schemas.
    const confluent = { type, schema } as { type: SchemaType.AVRO; schema: string };
    const { id } = await client.register(confluent, { subject, compatibility: WANTED });
    return id;
  } catch (error) {
    const failure = error as Error & { status?: number };
    if (failure.status === 409 || failure.status === 422) throw await explainRefusal(failure, at, subject, schema);
    throw explain(failure, at.url, subject);
  }
}

/** The registry's own words, and in ours which field does not fit: not every registry says that. */
async function explainRefusal(error: Error, registry: Registry, subject: string, contract: string): Promise<Error> {
  const found = misfits(contract, await versionsOf(registry, subject));
  const reasons = found.length > 0 ? `:\n${found.map((text) => `  - ${text}.`).join("\n")}\n` : `: ${wordsOf(error)}. `;
  return new UsageError(
    `The registry at ${registry.url} refuses the contract for ${subject}. Its rule is ${WANTED}: the new schema must read what every older version wrote${reasons}` +
      "A change that cannot be made so needs a new topic version (--topic). POST /v1/schemas/{subject}/check tries a schema without registering it.",
  );
}

async function versionsOf(registry: Registry, subject: string): Promise<{ version: number; schema: string }[]> {
  const path = `${registry.url}/subjects/${encodeURIComponent(subject)}/versions`;
  const get = async (url: string) => (await fetch(url, { headers: loginHeaders(registry.login) })).json();
  try {
    const versions = (await get(path)) as number[];
    const ask = (version: number) => get(`${path}/${version}`);
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
    // The client keeps of a connection's failure its words alone.
    const see = /certificate/i.test(reason) ? " See PENSTOCK_REGISTRY_CA_FILE." : "";
    return new RegistryAway(
      `The schema registry does not answer at ${url} (${reason.replace(/^Error, status \d+: /, "") || error.name}).${see}`,
    );
  }
  const advice = registryAdvice(error.status);
  return new UsageError(
    `The registry at ${url} answered ${error.status} to the registration of ${subject}: ${reason}.${advice === null ? "" : ` ${advice}`}`,
  );
}
