import { SignJWT } from "jose";
import type { DriverState } from "../domain/lifecycle/launch.ts";
import { dependencyUnavailable } from "../domain/problem.ts";
import { type ClusterView, type DriverView, type SparkMaster, SubmissionRefused } from "../services/spark-master.ts";

export interface SparkMasterOptions {
  /** base of the REST API, such as `http://127.0.0.1:6066` */
  restUrl: string;
  /** base of the web page, such as `http://127.0.0.1:8090` */
  uiUrl: string;
  /** base64url key of the master's JWS filter */
  secret: string;
  timeoutMs?: number;
}

/** The Spark master: submissions over its REST API (signed), the cluster from its web page's JSON. */
export function createSparkMaster(options: SparkMasterOptions): SparkMaster {
  const key = Buffer.from(options.secret, "base64url");
  const timeoutMs = options.timeoutMs ?? 5_000;

  async function call(method: "GET" | "POST", path: string, body?: unknown): Promise<Response> {
    const token = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1m").sign(key);
    return fetch(new URL(path, options.restUrl), {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json;charset=UTF-8" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  return {
    async submit(request) {
      let response: Response;
      try {
        response = await call("POST", "/v1/submissions/create", request);
      } catch (error) {
        // Nothing was listening: the request cannot have arrived. Anything else may have.
        if (causeCode(error) === "ECONNREFUSED")
          throw new SubmissionRefused("nothing listens at the master's REST port");
        throw error;
      }
      const answer = await readJson(response);
      if (answer?.success === true && typeof answer.submissionId === "string") return answer.submissionId;
      if (response.status < 500 && (answer === null || answer.success !== true)) {
        throw new SubmissionRefused(describe(response, answer));
      }
      throw new Error(`the Spark master answered ${describe(response, answer)}`);
    },

    async status(submissionId): Promise<DriverState> {
      try {
        const response = await call("GET", `/v1/submissions/status/${encodeURIComponent(submissionId)}`);
        const answer = await readJson(response);
        if (answer === null) return { kind: "unreachable", reason: describe(response, answer) };
        if (answer.success !== true) return { kind: "unknown" };
        if (typeof answer.driverState !== "string") return { kind: "unreachable", reason: "an answer without a state" };
        const workerId = typeof answer.workerId === "string" ? answer.workerId : null;
        return { kind: "state", state: answer.driverState, workerId, message: firstCause(answer.message) };
      } catch (error) {
        return { kind: "unreachable", reason: reasonOf(error) };
      }
    },

    async kill(submissionId) {
      await call("POST", `/v1/submissions/kill/${encodeURIComponent(submissionId)}`).catch(() => undefined);
    },

    async version() {
      // The web page does not tell; every answer of the REST API does, also one about a driver that there is not.
      const answer = await call("GET", "/v1/submissions/status/none")
        .then(readJson)
        .catch(() => null);
      return typeof answer?.serverSparkVersion === "string" ? answer.serverSparkVersion : null;
    },

    async cluster(): Promise<ClusterView> {
      let answer: Record<string, unknown> | null;
      try {
        const response = await fetch(new URL("/json/", options.uiUrl), { signal: AbortSignal.timeout(timeoutMs) });
        answer = await readJson(response);
      } catch (error) {
        throw dependencyUnavailable("Spark master", `The Spark master does not answer: ${reasonOf(error)}`, error);
      }
      if (answer === null || typeof answer.status !== "string") {
        throw dependencyUnavailable("Spark master", "The Spark master's web page gave no JSON that we understand");
      }
      return toCluster(answer);
    },
  };
}

function toCluster(answer: Record<string, unknown>): ClusterView {
  const active = list(answer.activedrivers);
  return {
    url: String(answer.url),
    status: String(answer.status),
    workers: list(answer.workers).map((worker) => ({
      id: String(worker.id),
      host: String(worker.host),
      uiUrl: String(worker.webuiaddress),
      state: String(worker.state),
      cores: Number(worker.cores),
      coresFree: Number(worker.coresfree),
      memoryMb: Number(worker.memory),
      memoryFreeMb: Number(worker.memoryfree),
      lastHeartbeatAt: toDate(worker.lastheartbeat),
    })),
    activeDrivers: active.map((driver) => String(driver.id)),
    drivers: [
      ...active.map((driver) => toDriver(driver, true)),
      ...list(answer.completeddrivers).map((driver) => toDriver(driver, false)),
    ],
    applications: list(answer.activeapps).map((app) => ({
      id: String(app.id),
      name: String(app.name),
      state: String(app.state),
      cores: Number(app.cores),
      memoryPerExecutorMb: Number(app.memoryperexecutor ?? 0),
      startedAt: toDate(app.starttime),
    })),
  };
}

function toDriver(driver: Record<string, unknown>, active: boolean): DriverView {
  return {
    id: String(driver.id),
    state: String(driver.state),
    active,
    worker: typeof driver.worker === "string" && driver.worker.startsWith("worker-") ? driver.worker : null,
    cores: Number(driver.cores ?? 0),
    memoryMb: Number(driver.memory ?? 0),
    submittedAt: toDate(driver.starttime),
  };
}

/** Milliseconds, which Spark writes as a number here and as a text there. */
function toDate(ms: unknown): Date | null {
  const at = Number(ms ?? Number.NaN);
  return Number.isFinite(at) && at > 0 ? new Date(at) : null;
}

/** The exception without its stack: `Exception from the cluster:` stands before it in a line of its own. */
function firstCause(message: unknown): string | null {
  if (typeof message !== "string") return null;
  return (
    message.split("\n").find((line) => line.trim() !== "" && !line.startsWith("Exception from the cluster")) ?? null
  );
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}

/** null when the body is not a JSON object: the filter and Jetty answer with HTML. */
async function readJson(response: Response): Promise<Record<string, unknown> | null> {
  const text = await response.text();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function describe(response: Response, answer: Record<string, unknown> | null): string {
  if (response.status === 403) return "403: it does not accept our key (PENSTOCK_SPARK_REST_SECRET_FILE)";
  return `${response.status}: ${typeof answer?.message === "string" ? answer.message : "no message"}`;
}

function causeCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
}

function reasonOf(error: unknown): string {
  return causeCode(error) ?? (error instanceof Error ? error.message : String(error));
}
