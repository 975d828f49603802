import { contentOf } from "../../control-plane/src/adapters/text-file.ts";
import { trustCertificates } from "../../control-plane/src/adapters/trusted-certificates.ts";
import { type Connections, readConnections } from "../../control-plane/src/domain/connections.ts";
import { UsageError } from "./command-line.ts";

/**
 * Reads how Kafka and the registry are reached from the environment: the control plane's own settings. What signs the
 * registry's certificate is trusted from here on.
 * @throws {UsageError} naming each setting, its value and what was expected, and no secret
 */
export function connectionsOf(environment: NodeJS.ProcessEnv): Connections {
  const complaints: string[] = [];
  const complain = (name: string, expected: string) => {
    const value = environment[name];
    complaints.push(`${name}: expected ${expected}${value ? `, got '${value}'` : ""}.`);
  };
  const connections = readConnections(environment, complain, contentOf, (path) => path);
  if (complaints.length > 0) throw new UsageError(complaints.join("\n"));
  if (connections.registry.ca !== null) trustCertificates(connections.registry.ca);
  return connections;
}

/** For `--help`: what is read from the environment alone, since nobody should see a password among a command's arguments. */
export const CONNECTION_HELP = `Where Kafka or the registry ask for more (docs/contracts.md, section 1), by environment: PENSTOCK_KAFKA_SECURITY,
PENSTOCK_KAFKA_SASL_MECHANISM, PENSTOCK_KAFKA_USERNAME, PENSTOCK_KAFKA_PASSWORD_FILE, PENSTOCK_KAFKA_CA_FILE,
PENSTOCK_KAFKA_CERT_FILE and _KEY_FILE, PENSTOCK_REGISTRY_USERNAME, PENSTOCK_REGISTRY_PASSWORD_FILE, PENSTOCK_REGISTRY_CA_FILE.`;
