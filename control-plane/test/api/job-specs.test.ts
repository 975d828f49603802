import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(() => running?.stop());

async function get(url: string) {
  return running.controlPlane.app.inject({ url, headers: { host: HOST } });
}

async function put(url: string, body: object, ifMatch?: string) {
  return running.controlPlane.app.inject({
    method: "PUT",
    url,
    headers: {
      host: HOST,
      "content-type": "application/json",
      ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
    },
    payload: JSON.stringify(body),
  });
}

async function present(job = "sales.gold") {
  const answer = await get(`/v1/jobs/${job}`);
  return { etag: String(answer.headers.etag), spec: answer.json().spec, job: answer.json() };
}

async function newestAudit() {
  return (await get("/v1/audit/log?action=job.spec&limit=1")).json().items[0];
}

describe("a job's spec", () => {
  it("is answered with its revision as the ETag, in the words that PUT takes", async () => {
    const { etag, spec, job } = await present();
    expect(etag).toBe('"1"');
    expect(job).toMatchObject({ specRevision: 1, restartPending: false });
    expect(spec).toEqual({
      kind: "gold",
      application: "sales",
      trigger: "0s",
      limits: { maxFilesPerTrigger: 64 },
      options: {},
      reads: ["silver.sales_events"],
      writes: ["gold.revenue_5m_updates", "gold.revenue_5m"],
      restart: { maxFailures: 5, within: "10m", backoff: "1s", maxBackoff: "1m" },
      drainTimeout: "30s",
    });
    const again = await put("/v1/jobs/sales.gold", spec, etag);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toMatchObject({ effect: "none", changes: [], specRevision: 1 });
  });

  it("is only looked at in a dry run", async () => {
    const { etag, spec } = await present();
    const answer = await put("/v1/jobs/sales.gold?dryRun=true", { ...spec, trigger: "5s" }, etag);
    expect(answer.json()).toMatchObject({
      dryRun: true,
      specRevision: 1,
      changes: [{ field: "trigger", from: "0s", to: "5s", needs: "restart" }],
    });
    expect((await present()).spec.trigger).toBe("0s");
  });

  it("is replaced for whoever has seen the present revision, once", async () => {
    const { etag, spec } = await present();
    const both = await Promise.all(
      ["5s", "7s"].map((trigger) => put("/v1/jobs/sales.gold", { ...spec, trigger }, etag)),
    );
    expect(both.map((answer) => answer.statusCode).sort()).toEqual([200, 412]);
    const late = both.find((answer) => answer.statusCode === 412)?.json();
    expect(late).toMatchObject({ code: "stale_revision", detail: expect.stringMatching(/present one is 2/) });
    expect(await present()).toMatchObject({ etag: '"2"' });
  });

  it("is in the audit log as it was and as it is", async () => {
    const { etag, spec } = await present();
    await put("/v1/jobs/sales.gold", { ...spec, drainTimeout: "45s" }, etag);
    const entry = await newestAudit();
    expect(entry).toMatchObject({ actor: "local", before: { drainTimeout: "30s" }, after: { drainTimeout: "45s" } });
  });

  it("decides how long a stop may take that does not say", async () => {
    const headers = { host: HOST };
    const stop = await running.controlPlane.app.inject({ method: "POST", url: "/v1/jobs/sales.gold/stop", headers });
    expect(stop.json().request).toMatchObject({ timeout: "45s" });
  });

  it("survives a restart of the control plane, until the manifest changes the same field", async () => {
    const { spec } = await present();
    const { manifest, controlPlane } = running;
    await controlPlane.catalog.declare(manifest, {}, {});
    expect((await present()).spec).toEqual(spec);
    const gold = manifest.jobs["sales.gold"];
    if (gold === undefined) throw new Error("no gold");
    const edited = { ...manifest, jobs: { ...manifest.jobs, "sales.gold": { ...gold, triggerMs: 2_000 } } };
    await controlPlane.catalog.declare(edited, {}, {});
    expect((await present()).spec).toEqual({ ...spec, trigger: "2s" });
    const entry = await newestAudit();
    expect(entry).toMatchObject({ actor: "manifest", before: { trigger: spec.trigger }, after: { trigger: "2s" } });
  });

  it.each<[string, object, string | undefined, number, string, RegExp]>([
    ["without If-Match", {}, undefined, 428, "precondition_required", /If-Match/],
    ["with an old If-Match", {}, '"99"', 412, "stale_revision", /revision 99/],
    ["with an If-Match that is none", {}, "yes", 400, "invalid_request", /if-match/],
    ["with another kind", { kind: "silver" }, "*", 409, "needs_new_generation", /kind \("gold" → "silver"\)/],
    ["with other tables", { reads: ["bronze.sales_events"] }, "*", 409, "needs_new_generation", /reads/],
    ["with an unknown field", { colour: "red" }, "*", 400, "invalid_request", /body\.colour/],
    ["with a bad duration", { trigger: "soon" }, "*", 400, "invalid_request", /body\.trigger.*such as 500ms/],
    [
      "with a limit of another source",
      { limits: { maxOffsetsPerTrigger: 1 } },
      "*",
      400,
      "invalid_request",
      /body\.limits\.maxOffsetsPerTrigger: expected no such limit of a job that reads Delta tables; known here: max/,
    ],
    [
      "with an unknown application",
      { application: "nope" },
      "*",
      400,
      "invalid_request",
      /dedicated .* or one of: sales/,
    ],
    ["with a field missing", { trigger: undefined }, "*", 400, "invalid_request", /body\.trigger: expected a value/],
  ])("is not replaced %s", async (_, change, ifMatch, status, code, text) => {
    const { spec } = await present();
    const answer = await put("/v1/jobs/sales.gold", { ...spec, ...change }, ifMatch);
    expect({ status: answer.statusCode, code: answer.json().code }).toEqual({ status, code });
    expect(`${answer.json().detail} ${answer.json().next ?? ""}`).toMatch(text);
    expect((await present()).spec).toEqual(spec);
  });
});
