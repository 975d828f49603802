import pg from "pg";
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

async function present() {
  const answer = await get("/v1/applications/sales");
  return { etag: String(answer.headers.etag), spec: answer.json().spec };
}

describe("an application's spec", () => {
  it("is answered with its revision as the ETag, in the words that PUT takes", async () => {
    const { etag, spec } = await present();
    expect(etag).toBe('"1"');
    expect(spec).toEqual({
      cores: 2,
      driverMemory: "800m",
      executorMemory: "800m",
      shufflePartitions: 2,
      settings: {},
    });
    const again = await put("/v1/applications/sales", spec, etag);
    expect(again.json()).toMatchObject({ effect: "none", changes: [], specRevision: 1 });
  });

  it("is replaced, and is what a manifest that did not change leaves alone", async () => {
    const { etag, spec } = await present();
    const change = { ...spec, shufflePartitions: 4, settings: { "spark.locality.wait": "0s" } };
    const answer = await put("/v1/applications/sales", change, etag);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.etag).toBe('"2"');
    expect(answer.json()).toMatchObject({
      restartPending: false,
      changes: [{ field: "settings.spark.locality.wait" }, { field: "shufflePartitions", note: expect.any(String) }],
    });
    await running.controlPlane.catalog.declare(running.manifest, {}, {});
    expect((await present()).spec).toEqual(change);
    const [entry] = (await get("/v1/audit/log?action=application.spec&limit=1")).json().items;
    expect(entry).toMatchObject({ target: "sales", before: { settings: {} }, after: { shufflePartitions: 4 } });
  });

  it("is refused with the figures where the cluster has no room, unless that is wanted", async () => {
    running.master.workers = [{ id: "w", state: "ALIVE", cores: 4, coresfree: 4, memory: 3072, memoryfree: 3072 }];
    const { spec } = await present();
    const large = { ...spec, executorMemory: "64g" };
    const answer = await put("/v1/applications/sales", large, "*");
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      code: "does_not_fit",
      detail: expect.stringMatching(/an executor needs 65536 MB, .* 4 cores and 3072 MB/),
    });
    expect((await put("/v1/applications/sales?force=true", large, "*")).json().spec.executorMemory).toBe("64g");
    expect((await put("/v1/applications/sales", spec, "*")).statusCode).toBe(200);
  });

  it("refuses a job's move into an application of its own for which there is no room", async () => {
    const { spec } = (await get("/v1/jobs/sales.gold")).json();
    const answer = await put("/v1/jobs/sales.gold", { ...spec, application: "dedicated" }, "*");
    expect(answer.json()).toMatchObject({
      code: "does_not_fit",
      detail: expect.stringMatching(/sales\.gold 2 cores and 1200 MB; sales 3 cores and 1600 MB/),
    });
    running.master.workers[0] = { ...running.master.workers[0], cores: 6 };
    expect((await put("/v1/jobs/sales.gold?dryRun=true", { ...spec, application: "dedicated" }, "*")).statusCode).toBe(
      200,
    );
  });

  it.each<[string, object, string | undefined, number, string, RegExp]>([
    ["without If-Match", {}, undefined, 428, "precondition_required", /\/v1\/applications\/sales/],
    ["with an old If-Match", {}, '"99"', 412, "stale_revision", /revision 99/],
    [
      "with a setting that Penstock sets",
      { settings: { "spark.ui.enabled": "true" } },
      "*",
      400,
      "invalid_request",
      /body\.settings\.spark\.ui\.enabled: expected no such setting: it is set by Penstock/,
    ],
    [
      "with a secret",
      { settings: { "spark.my.password": "hunter2" } },
      "*",
      400,
      "invalid_request",
      /no secret may stand there/,
    ],
    [
      "with a memory in words",
      { driverMemory: "lots" },
      "*",
      400,
      "invalid_request",
      /body\.driverMemory: expected a JVM memory size/,
    ],
    ["with less memory than Spark starts with", { driverMemory: "256m" }, "*", 400, "invalid_request", /at least 512m/],
    ["without cores", { cores: 0 }, "*", 400, "invalid_request", /body\.cores/],
  ])("is not replaced %s", async (_, change, ifMatch, status, code, text) => {
    const { spec } = await present();
    const answer = await put("/v1/applications/sales", { ...spec, ...change }, ifMatch);
    expect({ status: answer.statusCode, code: answer.json().code }).toEqual({ status, code });
    expect(`${answer.json().detail} ${answer.json().next ?? ""}`).toMatch(text);
    expect(answer.body).not.toContain("hunter2");
    expect((await present()).spec).toEqual(spec);
  });

  it("is shown with a setting that an older version took, and changed without it", async () => {
    const { spec } = await present();
    const old = { ...spec, settings: { "spark.task.cpus": "2" } };
    const other = new pg.Client({ connectionString: running.databaseUrl });
    await other.connect();
    await other.query("UPDATE applications SET spec = $1 WHERE name = 'sales'", [old]);
    await other.end();
    expect((await present()).spec).toEqual(old);
    const refused = await put("/v1/applications/sales", { ...old, shufflePartitions: 3 }, "*");
    expect(refused.json().detail).toMatch(
      /body\.settings\.spark\.task\.cpus: expected no such setting: executors are sized/,
    );
    const changed = await put("/v1/applications/sales", spec, "*");
    const without = expect.objectContaining({ field: "settings.spark.task.cpus", from: "2", to: null });
    expect(changed.json().changes).toContainEqual(without);
  });

  it("is that of an application that exists", async () => {
    expect((await get("/v1/applications/nope")).json()).toMatchObject({ code: "unknown_application", status: 404 });
  });
});
