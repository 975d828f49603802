import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;
let viewer: string;

beforeAll(async () => {
  running = await startControlPlane({ PENSTOCK_ACCESS: "tokens" });
  const made = await call("POST", "/v1/tokens", { name: "eyes", role: "viewer" }, ADMIN_TOKEN);
  viewer = made.json().secret;
}, 60_000);

afterAll(() => running?.stop());

const call = (method: "GET" | "POST", url: string, payload?: object, token = viewer) =>
  running.controlPlane.app.inject({
    method,
    url,
    headers: { host: HOST, authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });

const rule = {
  id: "amount-plausible",
  kind: "range",
  description: "Odd",
  severity: "warning",
  column: "amount",
  max: 500,
  outcomes: ["accepted"],
  threshold: { count: 0 },
};

// What they count is tested in services/dq; here there is no table yet.
describe("the data quality rules over HTTP", () => {
  it("are listed as the file has them, with their state", async () => {
    const answer = (await call("GET", "/v1/dq/rules")).json();
    expect(answer.revision).toMatch(/^[0-9a-f]{12}$/);
    expect(answer.measured).toBeNull();
    const byId = (id: string) => answer.items.find((item: { id: string }) => item.id === id);
    expect(byId("refund-negative")).toEqual({
      id: "refund-negative",
      kind: "range",
      description: "Refunds and chargebacks that give nothing back",
      severity: "warning",
      definition: {
        column: "amount",
        max: "-0.01",
        when: { event_type: ["refund", "chargeback"] },
        outcomes: ["accepted", "late", "future", "invalid"],
        threshold: { rate: 0.1, leastRows: 50, over: "15m" },
      },
      state: {
        verdict: "unknown",
        detail: "no row was looked at in the last 15m",
        counts: { checked: "0", failures: "0", rate: null, verdict: "unknown" },
      },
    });
    expect(byId("volume-usual").definition).toMatchObject({ interval: "15m", baseline: "6h", leastRatio: 0.25 });
    expect(byId("measured-in-time")).toMatchObject({ definition: { maxAge: "10m" }, state: { counts: null } });
  });

  it("are summed up over time", async () => {
    const answer = (await call("GET", "/v1/dq/summary?grain=15m")).json();
    expect(answer).toMatchObject({ grain: "15m", outcomes: [], totals: { records: "0" } });
    expect(answer.rules.map((it: { id: string }) => it.id)).toContain("amount-plausible");
  });

  it("can be tried by a viewer", async () => {
    const answer = await call("POST", "/v1/dq/rules/check", { rule });
    expect(answer.statusCode).toBe(200);
    expect(answer.json().items).toMatchObject([{ id: "amount-plausible", change: "changed", intervals: [] }]);
  });

  it.each([
    [{ rule: { ...rule, column: "password" } }, "body.rule.column"],
    [{ rule: "amount" }, "body.rule"],
    [{ rules: [] }, "body.rules"],
    [{}, "body.rule"],
    [{ file: "rules: 7" }, "body.file.rules"],
  ])("that are wrong are refused with the field named: %j", async (body, field) => {
    const answer = await call("POST", "/v1/dq/rules/check", body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors.map((it: { field: string }) => it.field)).toContain(field);
  });

  it.each(["/v1/dq/summary?grain=often", "/v1/dq/summary?from=soon", "/v1/dq/summary?bucket=1h", "/v1/dq/rules?id=x"])(
    "refuse what they do not know: %s",
    async (url) => {
      expect((await call("GET", url)).statusCode).toBe(400);
    },
  );
});
