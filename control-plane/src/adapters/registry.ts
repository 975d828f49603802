import type { Login } from "../domain/credentials.ts";
import { dependencyUnavailable } from "../domain/problem.ts";
import { loginHeaders, registryAdvice } from "../domain/registry-access.ts";
import type { SchemaRegistry } from "../services/ports.ts";

/** A schema registry that speaks Confluent's API below `baseUrl`. */
export function createSchemaRegistry(baseUrl: string, login: Login | null, timeoutMs = 5_000): SchemaRegistry {
  const authorization = loginHeaders(login);

  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
    try {
      const response = await fetch(`${baseUrl.replace(/\/$/, "")}${path}`, {
        method,
        headers: {
          accept: "application/json",
          "content-type": "application/vnd.schemaregistry.v1+json",
          ...authorization,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, json: await response.json().catch(() => null) };
    } catch (error) {
      const { reason, code } = causeOf(error);
      const detail = withAdvice(`The schema registry does not answer: ${reason}`, registryAdvice(undefined, code));
      throw dependencyUnavailable("Schema registry", detail, error);
    }
  }

  async function expectOk(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const { status, json } = await call(method, path, body);
    if (status < 300 && typeof json === "object" && json !== null) return json as Record<string, unknown>;
    throw notAsExpected(method, path, status, json);
  }

  return {
    async compatibility(subject) {
      const { status, json } = await call(
        "GET",
        subject === null ? "/config" : `/config/${encodeURIComponent(subject)}`,
      );
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
    async versions(subject) {
      const { status, json } = await call("GET", `/subjects/${encodeURIComponent(subject)}/versions`);
      if (status === 404) return [];
      if (status === 200 && Array.isArray(json)) return json.map(Number).sort((a, b) => a - b);
      throw notAsExpected("GET", `the versions of ${subject}`, status, json);
    },
    async schema(subject, version) {
      const answer = await expectOk("GET", `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
      return { id: Number(answer.id), schema: String(answer.schema) };
    },
    async knows(id) {
      const path = `/schemas/ids/${id}`;
      const { status, json } = await call("GET", path);
      if (status === 200) return true;
      if (status === 404) return false;
      throw notAsExpected("GET", path, status, json);
    },
    async check(subject, schema) {
      const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`;
      const { status, json } = await call("POST", path, { schemaType: "AVRO", schema });
      const answer = json as { is_compatible?: boolean; messages?: unknown; message?: string } | null;
      if (status === 422) return { refusal: answer?.message ?? "the registry gives no reason" };
      if (status >= 300 || typeof answer?.is_compatible !== "boolean") throw notAsExpected("POST", path, status, json);
      return {
        compatible: answer.is_compatible,
        messages: Array.isArray(answer.messages) ? answer.messages.map(String) : [],
      };
    },
    async ping() {
      await expectOk("GET", "/config");
    },
  };
}

function notAsExpected(method: string, what: string, status: number, json: unknown): Error {
  const message = (json as { message?: string } | null)?.message ?? "no message";
  const detail = `The schema registry answered ${status} to ${method} ${what}: ${message}`;
  return dependencyUnavailable("Schema registry", withAdvice(detail, registryAdvice(status)));
}

function withAdvice(detail: string, advice: string | null): string {
  return advice === null ? detail : `${detail}. ${advice}`;
}

/** "fetch failed" says nothing; what it was caused by does. */
function causeOf(error: unknown): { reason: string; code: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { reason, code: cause instanceof Error && "code" in cause ? String(cause.code) : "" };
}
