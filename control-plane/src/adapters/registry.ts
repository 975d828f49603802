import { dependencyUnavailable } from "../domain/problem.ts";
import type { SchemaRegistry } from "../services/ports.ts";

/** A schema registry that speaks Confluent's API below `baseUrl`. */
export function createSchemaRegistry(baseUrl: string, timeoutMs = 5_000): SchemaRegistry {
  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
    try {
      const response = await fetch(`${baseUrl.replace(/\/$/, "")}${path}`, {
        method,
        headers: { accept: "application/json", "content-type": "application/vnd.schemaregistry.v1+json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, json: await response.json().catch(() => null) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw dependencyUnavailable("Schema registry", `The schema registry does not answer: ${reason}`, error);
    }
  }

  async function expectOk(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const { status, json } = await call(method, path, body);
    if (status < 300 && typeof json === "object" && json !== null) return json as Record<string, unknown>;
    const message = (json as { message?: string } | null)?.message ?? "no message";
    throw new Error(`the schema registry answered ${status} to ${method} ${path}: ${message}`);
  }

  return {
    async compatibility(subject) {
      const { status, json } = await call("GET", `/config/${encodeURIComponent(subject)}`);
      if (status === 404) return null;
      const config = json as { compatibilityLevel?: string; compatibility?: string } | null;
      return config?.compatibilityLevel ?? config?.compatibility ?? null;
    },
    async setCompatibility(subject, level) {
      await expectOk("PUT", `/config/${encodeURIComponent(subject)}`, { compatibility: level });
    },
    async register(subject, schema) {
      const answer = await expectOk("POST", `/subjects/${encodeURIComponent(subject)}/versions`, {
        schemaType: "AVRO",
        schema,
      });
      return Number(answer.id);
    },
    async ping() {
      await expectOk("GET", "/config");
    },
  };
}
