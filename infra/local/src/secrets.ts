import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Secrets of one stack: made once, in files that only their owner may read. */
export interface Secrets {
  readonly postgresPassword: string;
  readonly sparkRestSecret: string;
  readonly sparkRestSecretFile: string;
  readonly runnerTokenFile: string;
  readonly adminToken: string;
  readonly adminTokenFile: string;
}

const SECRET_BYTES = 32;
/** By this an access token is recognised as one, by people and by scanners for leaked secrets. */
export const TOKEN_PREFIX = "pst_";

/** Reads the secrets of a stack; makes those that do not exist yet. */
export function loadSecrets(stateDir: string): Secrets {
  const folder = join(stateDir, "secrets");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const sparkRestSecretFile = join(folder, "spark-rest-secret");
  const runnerTokenFile = join(folder, "runner-token");
  const adminTokenFile = join(folder, "admin-token");
  readOrMake(runnerTokenFile);
  return {
    postgresPassword: readOrMake(join(folder, "postgres-password")),
    sparkRestSecret: readOrMake(sparkRestSecretFile),
    sparkRestSecretFile,
    runnerTokenFile,
    adminToken: readOrMake(adminTokenFile, TOKEN_PREFIX),
    adminTokenFile,
  };
}

/**
 * Reads a secret, and makes it when it does not exist. Whole or not at all: a half-written one would lock us out of what
 * it protects.
 */
export function readOrMake(path: string, prefix = ""): string {
  if (!existsSync(path)) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, `${prefix}${randomBytes(SECRET_BYTES).toString("base64url")}`, { mode: 0o600 });
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft);
    }
  }
  return readFileSync(path, "utf8").trim();
}
