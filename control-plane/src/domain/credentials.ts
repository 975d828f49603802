import type { Complain, Environment } from "./setting-reader.ts";

/** How to log in at a service that somebody else runs. */
export interface Login {
  username: string;
  password: string;
}

/** The text of a file; null when it cannot be read. */
export type ReadFile = (path: string) => string | null;

/**
 * Reads a password from `<prefix>_PASSWORD`, or from the file that `<prefix>_PASSWORD_FILE` names. No complaint quotes it.
 * @returns null when none is given, or when it was complained of
 */
export function readPassword(
  prefix: string,
  env: Environment,
  complain: Complain,
  readFile: ReadFile,
  why: string,
): string | null {
  const [direct, setting] = [env[`${prefix}_PASSWORD`] ?? "", `${prefix}_PASSWORD_FILE`];
  const file = env[setting] ?? "";
  if (direct !== "" && file !== "") complain(setting, `nothing beside ${prefix}_PASSWORD`);
  if (direct !== "") return direct;
  if (file === "") {
    complain(setting, `the path of a file with the password (or ${prefix}_PASSWORD), because ${why}`);
    return null;
  }
  // An editor, or `echo`, ends the line; spaces may belong to the password.
  const content = readFile(file)?.replace(/(\r?\n)+$/, "") ?? "";
  if (content !== "" && !/[\r\n]/.test(content)) return content;
  complain(setting, "the path of a file that can be read, with the password alone in one line");
  return null;
}

const PEM_KINDS = {
  certificates: { mark: "-----BEGIN CERTIFICATE-----", expected: "certificates (BEGIN CERTIFICATE)" },
  // The form that both Node's and Java's clients read.
  key: {
    mark: "-----BEGIN PRIVATE KEY-----",
    expected:
      "an unencrypted private key in PKCS#8 (BEGIN PRIVATE KEY), such as `openssl pkcs8 -topk8 -nocrypt` writes",
  },
} as const;

/**
 * Reads the PEM file that a setting names.
 * @returns null when none is named, or when it was complained of
 */
export function readPem(
  setting: string,
  kind: keyof typeof PEM_KINDS,
  env: Environment,
  complain: Complain,
  readFile: ReadFile,
): string | null {
  const file = env[setting];
  if (!file) return null;
  const content = readFile(file);
  if (content?.includes(PEM_KINDS[kind].mark)) return content;
  complain(setting, `the path of a PEM file that can be read, with ${PEM_KINDS[kind].expected}`);
  return null;
}
