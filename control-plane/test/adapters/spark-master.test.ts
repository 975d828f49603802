import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSparkMaster } from "../../src/adapters/spark-master.ts";
import { composeSubmission } from "../../src/domain/spark-settings.ts";
import { type SparkMaster, SubmissionRefused } from "../../src/services/spark-master.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64url");
const request = composeSubmission(
  {
    masterUrl: "spark://127.0.0.1:7077",
    host: "127.0.0.1",
    python: "/venv/bin/python3",
    javaHome: "/java",
    jobsDir: "/jobs",
    jarsDir: "/jars",
    stateDir: "/state",
    controlPlanes: ["http://127.0.0.1:8080", "http://127.0.0.1:9080"],
    tokenFile: "/state/secrets/runner-token",
    signpost: "/lake/control-plane.json",
    connections: { PENSTOCK_KAFKA_PASSWORD_FILE: "/run/kafka/password" },
  },
  "sales",
  { cores: 2, driverMemory: "800m", executorMemory: "800m", shufflePartitions: 2, settings: {} },
  "6f9619ff-8b86-4011-b42d-00cf4fc964ff",
);

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let master: SparkMaster;
let url: string;

beforeEach(async () => {
  server = createServer((incoming, response) => answer(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  master = createSparkMaster({ restUrl: url, uiUrl: url, secret: SECRET, timeoutMs: 300 });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function answerWith(status: number, body: string): void {
  answer = (_request, response) => response.writeHead(status).end(body);
}

describe("a submission", () => {
  it("is signed with the master's key and carries no secret", async () => {
    let header = "";
    let body = "";
    answer = (incoming, response) => {
      header = incoming.headers.authorization ?? "";
      incoming.on("data", (chunk) => {
        body += String(chunk);
      });
      incoming.on("end", () => response.end(JSON.stringify({ success: true, submissionId: "driver-1" })));
    };
    expect(await master.submit(request)).toBe("driver-1");
    const { payload } = await jwtVerify(header.replace("Bearer ", ""), Buffer.from(SECRET, "base64url"));
    expect(payload.exp).toBeGreaterThan(Date.now() / 1000);
    expect(body).not.toContain(SECRET);
    expect(JSON.parse(body)).toMatchObject({
      action: "CreateSubmissionRequest",
      environmentVariables: {
        PENSTOCK_LAUNCH_ID: "6f9619ff-8b86-4011-b42d-00cf4fc964ff",
        PENSTOCK_KAFKA_PASSWORD_FILE: "/run/kafka/password",
      },
      appArgs: [
        "/jobs/penstock_jobs/runner/main.py",
        "",
        "--control-plane",
        "http://127.0.0.1:8080",
        "--control-plane",
        "http://127.0.0.1:9080",
        ...Array(8).fill(expect.any(String)),
      ],
    });
  });

  it.each([
    ["a wrong key (HTML)", 403, "<html>Forbidden</html>", /PENSTOCK_SPARK_REST_SECRET_FILE/],
    ["a master that says no", 200, JSON.stringify({ success: false, message: "standby" }), /standby/],
    ["a request it does not like", 400, JSON.stringify({ message: "bad" }), /400: bad/],
  ])("was surely not made: %s", async (_, status, body, message) => {
    answerWith(status, body);
    const failure = await master.submit(request).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SubmissionRefused);
    expect((failure as Error).message).toMatch(message);
  });

  it("was surely not made when nothing listens", async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(master.submit(request)).rejects.toBeInstanceOf(SubmissionRefused);
  });

  it("may have been made when no answer comes, or a broken one", async () => {
    answer = () => undefined;
    const silence = await master.submit(request).catch((error: unknown) => error);
    expect(silence).toBeInstanceOf(Error);
    expect(silence).not.toBeInstanceOf(SubmissionRefused);
    answer = (_request, response) => response.destroy();
    expect(await master.submit(request).catch((error: unknown) => error)).not.toBeInstanceOf(SubmissionRefused);
    answerWith(500, "oops");
    expect(await master.submit(request).catch((error: unknown) => error)).not.toBeInstanceOf(SubmissionRefused);
  });
});

describe("a driver's status", () => {
  it.each([
    [
      "running",
      { success: true, driverState: "RUNNING", workerId: "w" },
      { kind: "state", state: "RUNNING", workerId: "w", message: null },
    ],
    [
      "waiting for a worker",
      { success: true, driverState: "SUBMITTED" },
      { kind: "state", state: "SUBMITTED", workerId: null, message: null },
    ],
    [
      "in error, without the stack",
      { success: true, driverState: "ERROR", message: "Exception from the cluster:\njava.io.IOException: no\n\tat x" },
      { kind: "state", state: "ERROR", workerId: null, message: "java.io.IOException: no" },
    ],
    ["unknown to the master", { success: false }, { kind: "unknown" }],
  ])("%s", async (_, body, expected) => {
    answerWith(200, JSON.stringify(body));
    expect(await master.status("driver-1")).toEqual(expected);
  });

  it("is open when the master answers with HTML, or not at all", async () => {
    answerWith(403, "<html>");
    expect(await master.status("driver-1")).toMatchObject({ kind: "unreachable" });
    answer = () => undefined;
    expect(await master.status("driver-1")).toMatchObject({ kind: "unreachable" });
  });
});

describe("the cluster", () => {
  it("is read from the master's web page", async () => {
    answerWith(200, readFileSync(join(import.meta.dirname, "../fixtures/spark-master.json"), "utf8"));
    expect(await master.cluster()).toEqual({
      url: "spark://127.0.0.1:28077",
      status: "ALIVE",
      workers: [
        {
          id: "worker-20261124112650-127.0.0.1-28078",
          host: "127.0.0.1",
          uiUrl: "http://127.0.0.1:29091",
          state: "ALIVE",
          cores: 4,
          coresFree: 1,
          memoryMb: 3072,
          memoryFreeMb: 1472,
          lastHeartbeatAt: new Date(1795519671360),
        },
      ],
      activeDrivers: ["driver-20261124112654-0000"],
      drivers: [
        {
          id: "driver-20261124112654-0000",
          state: "RUNNING",
          active: true,
          worker: "worker-20261124112650-127.0.0.1-28078",
          cores: 1,
          memoryMb: 800,
          submittedAt: new Date(1795519614671),
        },
      ],
      applications: [
        {
          id: "app-20261124112700-0000",
          name: "driver-20261124112654-0000",
          state: "RUNNING",
          cores: 2,
          memoryPerExecutorMb: 800,
          startedAt: new Date(1795519620437),
        },
      ],
    });
  });

  it("tells its version with any answer of the REST API, or not at all", async () => {
    answerWith(200, JSON.stringify({ serverSparkVersion: "4.1.3", success: false }));
    expect(await master.version()).toBe("4.1.3");
    answerWith(403, "<html>");
    expect(await master.version()).toBeNull();
  });

  it.each(["<html>", "[]", "{}"])("is not invented from %s", async (body) => {
    answerWith(200, body);
    await expect(master.cluster()).rejects.toMatchObject({ details: { code: "dependency_unavailable" } });
  });
});
