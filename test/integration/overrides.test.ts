import { beforeAll, describe, expect, it } from "vitest";
import { createEncoder } from "../../producer/src/event-encoder.ts";
import { registerContract } from "../../producer/src/registration.ts";
import { differences } from "../stack/exact.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, expectExact, manifest, produce, send, sharedStack, topic } from "./shared-stack.ts";

const stack = sharedStack();

interface Override {
  number: number;
  state: string;
  reasons: string[];
  eventId: string | null;
  version: number | null;
}

const HOUR_MS = 3_600_000;

let places: { topic: string; partition: number; offset: string }[];

/** An event that was sent now and says that it happened then. */
function event(eventId: string, happenedMs: number, region = "EU") {
  const event_time = new Date(happenedMs).toISOString();
  return {
    ...{ event_id: eventId, event_time, ingest_time: event_time, account_id: "a-1", event_type: "renewal" },
    ...{ plan_tier: "pro", region, currency: "EUR", amount: 12.5, schema_version: 1 },
    ...{ user_id: null, source: null, trace_id: null },
  };
}

const letIn = (place: object, set: object) =>
  stack.rest.post<Override>("/v1/overrides", {}, { ...place, reason: "an integration test", set });

const settled = ({ number }: Override) =>
  waitFor<Override>(
    async () => {
      const override = await stack.rest.get<Override>(`/v1/overrides/${number}`);
      return override.state === "pending" ? { pending: override } : override;
    },
    { timeout: 60_000, what: `override ${number} to be settled` },
  );

/** An override moves no offset, and a window that was final gets its revision a commit later: so the figures are what shows it. */
const exactSoon = () =>
  waitFor<true>(
    async () => {
      const found = await differences(stack, topic, manifest.parameters);
      return found.length === 0 || { pending: found };
    },
    { timeout: 60_000, interval: 1_000, what: "every figure to be what the oracle works out" },
  );

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 74, events: 300 });
  const encode = createEncoder(await registerContract(stack.registryUrl, `${topic}-value`));
  const now = Date.now();
  places = await send(stack, [
    encode(event("override-late", now - HOUR_MS)),
    encode(event("override-mars", now, "MARS")),
    encode(event("override-mars", now, "VENUS")),
    Buffer.from("no event"),
  ]);
  await allConsumed(stack);
});

describe("a refused record", () => {
  it("that is let in counts in its window, once, and the books stay exact", async () => {
    await expectExact(stack);
    const made = [await letIn(places[0] ?? {}, {}), await letIn(places[1] ?? {}, { region: "eu", amount: "12.75" })];
    for (const override of made) {
      expect(await settled(override)).toMatchObject({ state: "applied", version: expect.any(Number) });
    }
    await exactSoon();
    const { overridden } = await stack.rest.get<{ overridden: string }>("/v1/audit/outcomes");
    expect(Number(overridden)).toBeGreaterThanOrEqual(2);
  });

  it("stays refused where it is a copy of one that was let in, or no event", async () => {
    const copy = await letIn(places[2] ?? {}, { region: "EU" }).then(settled, (error: Error) => error.message);
    expect(copy).toContain("The event override-mars was accepted from");
    const rubbish = await settled(await letIn(places[3] ?? {}, { region: "EU" }));
    expect(rubbish).toMatchObject({ state: "refused", reasons: ["BAD_MAGIC"] });
    await expectExact(stack);
  });

  it("that was let in is known to later copies, also after a restart of the job", async () => {
    await stack.rest.post("/v1/jobs/sales.silver/restart", { wait: "60s" });
    const encode = createEncoder(await registerContract(stack.registryUrl, `${topic}-value`));
    await send(stack, [encode(event("override-mars", Date.now()))]);
    await expectExact(stack);
  });
});
