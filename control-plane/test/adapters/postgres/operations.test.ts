import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../../src/adapters/postgres/database.ts";
import { createOperationStore } from "../../../src/adapters/postgres/operations.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";

let running: TestControlPlane;
let database: Database;

beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

const ask = async (action: string) =>
  (
    await running.controlPlane.app.inject({
      method: "POST",
      url: `/v1/jobs/sales.gold/${action}`,
      headers: { host: HOST },
    })
  ).json();

const desired = async () =>
  (await database.query<{ desired: string }>("SELECT desired FROM jobs WHERE id = 'sales.gold'"))[0]?.desired;

// Nothing decides here: each step is made by hand, in the order in which a race makes it.
describe("an operation's step", () => {
  it("changes what is wanted of its job while it is under way", async () => {
    const store = createOperationStore(database);
    const { id } = await ask("stop");
    expect(await desired()).toBe("stopped");
    const operation = await store.find(id);
    if (operation === null) throw new Error("the operation is gone");
    await store.advance(operation, "running", { step: "starts again", at: new Date().toISOString() }, "running");
    expect(await desired()).toBe("running");
  });

  it("changes nothing any more once a newer request has taken its place", async () => {
    const store = createOperationStore(database);
    const { id } = await ask("restart");
    const restart = await store.find(id);
    if (restart === null) throw new Error("the operation is gone");
    await ask("stop");
    await store.advance(restart, "running", { step: "starts again", at: new Date().toISOString() }, "running");
    expect(await desired()).toBe("stopped");
    expect(await store.find(id)).toMatchObject({ state: "superseded" });
  });
});
