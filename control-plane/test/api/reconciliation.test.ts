import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(() => running?.stop());

async function ask(url: string) {
  const answer = await running.controlPlane.app.inject({ url, headers: { host: HOST } });
  return { status: answer.statusCode, body: answer.json() };
}

describe("GET /v1/audit/reconciliation", () => {
  it("says that nothing has been checked, then what a recount found, which stays the newest report", async () => {
    const before = await ask("/v1/audit/reconciliation");
    expect([before.status, before.body.code]).toEqual([503, "not_ready"]);
    const onStandBy = await ask("/v1/audit/reconciliation?recount=true");
    expect([onStandBy.status, onStandBy.body.code]).toEqual([503, "not_ready"]);
    const { reconciliation } = running.controlPlane;
    reconciliation.start();
    await reconciliation.checkNow();
    const recount = await ask("/v1/audit/reconciliation?recount=true");
    await reconciliation.stop();
    expect(recount).toMatchObject({
      status: 200,
      body: {
        verdict: "pending",
        kind: "recount",
        generation: 1,
        read: { files: 0, bytes: 0 },
        stale: false,
        lastError: null,
      },
    });
    expect(recount.body.lines).toContainEqual({
      id: "bronze.rows",
      subject: { table: "bronze.sales_events" },
      verdict: "pending",
      expected: "0",
      actual: "0",
      pending: null,
      detail: "bronze has no commit yet",
      at: { tables: {}, through: {} },
    });
    expect(await ask("/v1/audit/reconciliation?recount=false")).toEqual(recount);
  });

  it("names what is wrong with a request", async () => {
    const { status, body } = await ask("/v1/audit/reconciliation?recount=maybe");
    expect([status, body.errors[0].field]).toEqual([400, "recount"]);
  });
});
