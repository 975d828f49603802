import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
  const database = new pg.Client(running.databaseUrl);
  await database.connect();
  const spark = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/silver-progress.json"), "utf8"));
  const reports = [
    ["housekeeping", { text: "compacted" }],
    ["progress", spark],
    ["warning", { text: "slow" }],
  ];
  for (const [type, data] of reports) {
    await database.query(
      "INSERT INTO progress (job, generation, epoch, type, at, data) VALUES ('sales.silver', 1, 1, $1, now(), $2)",
      [type, data],
    );
  }
  await database.end();
}, 60_000);

afterAll(() => running?.stop());

const get = async (url: string) => {
  const response = await running.controlPlane.app.inject({ url: `/v1/jobs/${url}`, headers: { host: HOST } });
  return { status: response.statusCode, body: response.json() };
};

it("sums a batch up beside Spark's own words", async () => {
  const { body } = await get("sales.silver/progress");
  expect(body.items.map((item: { type: string }) => item.type)).toEqual(["warning", "progress", "housekeeping"]);
  expect(body.items[1]).toMatchObject({
    summary: { batchId: "3", rowsIn: 776, durationsMs: { addBatch: 8290 }, stateRows: 2100 },
    data: { batchId: 3, numInputRows: 776 },
  });
  expect(body.items[0]).toMatchObject({ summary: null, data: { text: "slow" } });
});

it("lists reports of one kind, page by page", async () => {
  const { body } = await get("sales.silver/progress?type=warning&limit=1");
  expect(body.items).toHaveLength(1);
  const next = await get(`sales.silver/progress?type=warning&limit=1&cursor=${body.nextCursor}`);
  expect(next.body.items).toEqual([]);
});

it("names the kinds that there are", async () => {
  const { status, body } = await get("sales.silver/progress?type=noise");
  expect(status).toBe(400);
  expect(body.detail).toContain("type: expected one of progress, idle, housekeeping, warning");
});
