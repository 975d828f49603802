import { cp, mkdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
  const folder = join(running.stateDir, "checkpoints/gen=1");
  await mkdir(folder, { recursive: true });
  for (const job of ["bronze", "silver"]) {
    await cp(join(import.meta.dirname, "../fixtures/checkpoints", job), join(folder, `sales.${job}`), {
      recursive: true,
    });
  }
  await truncate(join(folder, "sales.bronze/offsets/14"), 100);
}, 60_000);

afterAll(() => running?.stop());

const get = async (job: string) => {
  const response = await running.controlPlane.app.inject({
    url: `/v1/jobs/${job}/checkpoint`,
    headers: { host: HOST },
  });
  return { status: response.statusCode, body: response.json() };
};

it("tells what a whole checkpoint holds", async () => {
  const { status, body } = await get("sales.silver");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    job: "sales.silver",
    generation: 1,
    exists: true,
    offsets: { newest: "4", oldest: "3", count: 2, gaps: [] },
    commits: { newest: "4" },
    inFlight: null,
    sources: [{ kind: "delta", version: "13", index: "-1" }],
    stateOperators: [{ operator: "0", name: "dedupeWithinWatermark", partitions: 2, rows: null }],
    damage: [],
  });
  expect(body.next).toBe(
    "A start goes on after batch 4, which is committed, at the start of version 13 of the source table.",
  );
});

it("tells what is wrong with a damaged one, and the ways out", async () => {
  const { body } = await get("sales.bronze");
  expect(body.damage).toHaveLength(1);
  expect(body.damage[0]).toMatchObject({
    file: "offsets/14",
    stopsStart: true,
    problem: expect.stringMatching(/line 2 is not JSON/),
  });
  expect(body.damage[0].waysOut).toHaveLength(3);
  expect(body.next).toMatch(/^A start fails: offsets\/14/);
  expect(body.sources).toEqual([]);
});

it("tells that there is none yet", async () => {
  expect((await get("sales.gold")).body).toMatchObject({
    exists: false,
    offsets: { newest: null, count: 0 },
    size: { files: 0 },
  });
});

it("knows only jobs that there are", async () => {
  const { status, body } = await get("sales.nope");
  expect({ status, code: body.code }).toEqual({ status: 404, code: "unknown_job" });
  expect(body.next).toContain("sales.bronze");
});
