import type { Login } from "../../control-plane/src/domain/credentials.ts";
import { basicAuthorization } from "../../control-plane/src/domain/registry-access.ts";

/** A schema registry: the base of its Confluent API, and how to log in where it asks. */
export interface Registry {
  url: string;
  login: Login | null;
}

/** What a request to it has to carry. */
export function headersFor({ login }: Registry): Record<string, string> {
  return login === null ? {} : { authorization: basicAuthorization(login) };
}

/** A registry by its address alone asks for nothing. */
export function registryAt(registry: string | Registry): Registry {
  return typeof registry === "string" ? { url: registry, login: null } : registry;
}
