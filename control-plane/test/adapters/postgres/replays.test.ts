import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReplayStore } from "../../../src/adapters/postgres/replays.ts";
import type { ReplayRequest } from "../../../src/domain/replay/request.ts";
import { startGenerations, type TestGenerations } from "../../fixtures/generations.ts";
import { newReplay } from "../../fixtures/replaying.ts";

const MIGRATION = new URL("../../../migrations/0023_replay_specs.sql", import.meta.url);

let world: TestGenerations;

beforeAll(async () => {
  world = await startGenerations();
}, 60_000);

afterAll(() => world?.stop());

/** Records a replay with a request as an older release wrote it. */
async function record(pipeline: string, fields: object): Promise<string> {
  const id = randomUUID();
  await world.pipeline(pipeline);
  const { request, ...replay } = newReplay(pipeline, { id, generation: 2, parent: 1 });
  const { specs: _, ...older } = request;
  const audit = { actor: "ana", action: "replay.create", target: replay.job, requestId: null, before: null };
  await createReplayStore(world.database).insert(
    { ...replay, request: { ...older, ...fields } as ReplayRequest },
    { ...audit, after: null },
  );
  return id;
}

describe("replays that an older release recorded", () => {
  it("have the limits of their shadow jobs as parts of specs; newer ones stay as they are", async () => {
    const limits = { "older.silver": { maxFilesPerTrigger: 16 }, "older.gold": {} };
    const specs = { "newer.gold": { trigger: "5s" } };
    const ids = [
      await record("older", { limits }),
      await record("plain", { limits: {} }),
      await record("newer", { specs }),
    ];
    const migration = await readFile(MIGRATION, "utf8");
    const store = createReplayStore(world.database);
    for (let times = 0; times < 2; times += 1) {
      await world.database.query(migration);
      const requests = await Promise.all(ids.map(async (id) => (await store.find(id))?.request));
      expect(requests.map((request) => request?.specs)).toEqual([
        { "older.silver": { limits: { maxFilesPerTrigger: 16 } }, "older.gold": { limits: {} } },
        {},
        specs,
      ]);
      for (const request of requests) expect(request).not.toHaveProperty("limits");
      expect(requests[0]).toMatchObject({ job: "older.silver", from: { kind: "beginning" }, keepMs: 3_600_000 });
    }
  });
});
