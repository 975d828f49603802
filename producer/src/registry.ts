import type { Login } from "../../control-plane/src/domain/credentials.ts";

/** A schema registry: the base of its Confluent API, and how to log in where it asks. */
export interface Registry {
  url: string;
  login: Login | null;
}

/** A registry by its address alone asks for nothing. */
export function registryAt(registry: string | Registry): Registry {
  return typeof registry === "string" ? { url: registry, login: null } : registry;
}
