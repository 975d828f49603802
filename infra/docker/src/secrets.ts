import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readOrMake, type Secrets, TOKEN_PREFIX } from "../../local/src/secrets.ts";

const FOLDER = "/run/penstock";

/** Each in a volume of its own, so that a container gets those that it needs and no other. */
const FILES = {
  postgresPassword: join(FOLDER, "database", "postgres-password"),
  sparkRestSecret: join(FOLDER, "master", "spark-rest-secret"),
  runnerToken: join(FOLDER, "runner", "runner-token"),
  adminToken: join(FOLDER, "admin", "admin-token"),
  metricsToken: join(FOLDER, "metrics", "metrics-token"),
} as const;

/** Where the secret lies with which Prometheus asks for figures. */
export const METRICS_TOKEN_FILE: string = FILES.metricsToken;

/** Makes those that do not exist yet. The one container that runs this has all volumes, and has no network. */
export function makeSecrets(): void {
  const tokens: string[] = [FILES.adminToken, FILES.metricsToken];
  for (const file of Object.values(FILES)) readOrMake(file, tokens.includes(file) ? TOKEN_PREFIX : "");
}

/** The secrets of this container; the others are not here, and empty. */
export function containerSecrets(): Secrets {
  return {
    postgresPassword: read(FILES.postgresPassword),
    sparkRestSecret: read(FILES.sparkRestSecret),
    adminToken: read(FILES.adminToken),
    sparkRestSecretFile: FILES.sparkRestSecret,
    runnerTokenFile: FILES.runnerToken,
    adminTokenFile: FILES.adminToken,
  };
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}
