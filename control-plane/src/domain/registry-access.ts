import { type Login, type ReadFile, readPassword, readPem } from "./credentials.ts";
import type { Complain, Environment } from "./setting-reader.ts";
import { tlsAdvice } from "./tls-refusal.ts";

/** How the schema registry is reached, beside its address. */
export interface RegistryAccess {
  /** null: it asks for none */
  login: Login | null;
  /** certificates, as PEM, of those who sign the registry's; null: the CAs that everybody trusts */
  ca: string | null;
}

/** Of a registry that asks nobody for anything, such as the one of the local stack. */
export const OPEN_REGISTRY: RegistryAccess = { login: null, ca: null };

const URL_SETTING = "PENSTOCK_REGISTRY_URL";
const USERNAME = "PENSTOCK_REGISTRY_USERNAME";
const PASSWORDS = ["PENSTOCK_REGISTRY_PASSWORD", "PENSTOCK_REGISTRY_PASSWORD_FILE"];
const CA = "PENSTOCK_REGISTRY_CA_FILE";
/** Every setting that says how the registry is reached, beside its address. */
export const REGISTRY_SETTINGS: readonly string[] = [USERNAME, ...PASSWORDS, CA];

/** Reads the settings for the registry; what does not fit together is complained of, and no complaint quotes a password. */
export function readRegistryAccess(env: Environment, complain: Complain, readFile: ReadFile): RegistryAccess {
  const username = env[USERNAME] ?? "";
  const password = PASSWORDS.find((name) => env[name]);
  if (username === "" && password !== undefined)
    complain(USERNAME, `the name to log in with, because ${password} is set`);
  // Basic authentication has no way to write it.
  if (username.includes(":")) complain(USERNAME, "a name without a colon");
  const secret =
    username === "" ? null : readPassword("PENSTOCK_REGISTRY", env, complain, readFile, `${USERNAME} is set`);
  const ca = readPem(CA, "certificates", env, complain, readFile);
  if (ca !== null && env[URL_SETTING]?.startsWith("http:"))
    complain(CA, `nothing, because ${URL_SETTING} is no https:// URL`);
  return { login: secret === null ? null : { username, password: secret }, ca };
}

/** What a request has to carry: the header of HTTP's basic authentication, or nothing. */
export function loginHeaders(login: Login | null): Record<string, string> {
  if (login === null) return {};
  return { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}` };
}

/** True for a URL with a name or a password in it: it would be shown wherever the address is. */
export function hasLogin(url: string): boolean {
  const { username, password } = URL.parse(url) ?? { username: "", password: "" };
  return username !== "" || password !== "";
}

/**
 * Which setting to look at when the registry did not do what it was asked to.
 * @param status of its answer; undefined where there was none
 * @param code Node's, of the connection's failure
 * @returns null when it does not look like one of settings
 */
export function registryAdvice(status: number | undefined, code = ""): string | null {
  if (status === 401 || status === 403) {
    return "It refuses this name or password: see PENSTOCK_REGISTRY_USERNAME and PENSTOCK_REGISTRY_PASSWORD_FILE (or PENSTOCK_REGISTRY_PASSWORD).";
  }
  const advice = tlsAdvice(code, { address: URL_SETTING, ca: CA, certificate: null });
  if (advice !== null) return advice;
  return code.startsWith("ERR_SSL_") || code === "EPROTO"
    ? `It does not answer with TLS: see ${URL_SETTING} (http:// or https://).`
    : null;
}
