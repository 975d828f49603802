import { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLogger } from "../../src/logger.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  running = await startControlPlane({}, createLogger("info", sink));
}, 60_000);

afterAll(() => running?.stop());

async function post(url: string) {
  const response = await running.controlPlane.app.inject({ method: "POST", url, headers: { host: HOST } });
  return { requestId: String(response.headers["x-request-id"]), operation: response.json().id as string };
}

const about = (operation: string) => lines.filter((line) => line.operation === operation);

describe("the log", { timeout: 30_000 }, () => {
  it("names operation, job and request in every line about an operation, also in those of the reconciler", async () => {
    const first = await post("/v1/jobs/sales.gold/stop");
    const second = await post("/v1/jobs/sales.gold/start");
    const third = await post("/v1/jobs/sales.gold/stop");
    running.controlPlane.reconciler.start();
    for (let attempt = 0; about(third.operation).length < 2 && attempt < 500; attempt += 1) await delay(20);
    const expected = { job: "sales.gold", by: "local" };
    expect(about(first.operation)).toMatchObject([
      { ...expected, requestId: first.requestId, kind: "stop", msg: "operation requested", mode: "drain" },
      {
        ...expected,
        requestId: first.requestId,
        kind: "stop",
        msg: "operation superseded",
        supersededBy: second.operation,
      },
    ]);
    expect(about(third.operation)).toMatchObject([
      { ...expected, requestId: third.requestId, msg: "operation requested" },
      { ...expected, requestId: third.requestId, msg: "operation ended", state: "succeeded" },
    ]);
    expect(about(second.operation).map(({ requestId }) => requestId)).toEqual([second.requestId, second.requestId]);
    const requests = lines.filter(({ msg, requestId }) => msg === "request" && requestId === first.requestId);
    expect(requests).toMatchObject([{ method: "POST", url: "/v1/jobs/sales.gold/stop", status: 202 }]);
    const { items } = (
      await running.controlPlane.app.inject({ url: "/v1/audit/log?target=sales.gold", headers: { host: HOST } })
    ).json();
    expect(items.map((entry: { requestId: string }) => entry.requestId)).toContain(first.requestId);
  });
});
