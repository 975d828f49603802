import { beforeAll, describe, expect, it } from "vitest";
import type { JobStatus } from "../stack/resources.ts";
import { allRunning, expectExact, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

async function job(id: string): Promise<JobStatus> {
  return await stack.rest.get<JobStatus>(`/v1/jobs/${id}`);
}

async function act(id: string, action: string): Promise<{ state: string }> {
  return await stack.rest.post<{ state: string }>(`/v1/jobs/${id}/${action}`, { wait: "60s" });
}

describe("stopping and starting a job", () => {
  beforeAll(async () => {
    await allRunning(stack);
  });

  it("stops gold while events flow, keeps the others running, and catches up exactly", async () => {
    const before = { bronze: await job("sales.bronze"), silver: await job("sales.silver") };
    const producing = produce(stack, { seed: 21, events: 3000, rate: 300 });
    expect(await act("sales.gold", "stop")).toMatchObject({ state: "succeeded" });
    expect(await job("sales.gold")).toMatchObject({ state: "STOPPED", desiredState: "stopped" });
    await producing;
    for (const other of [before.bronze, before.silver]) {
      expect(await job(other.id)).toMatchObject({ state: "RUNNING", epoch: other.epoch });
    }
    expect(await act("sales.gold", "start")).toMatchObject({ state: "succeeded" });
    await expectExact(stack);
  });

  it("certifies what a stopped job had committed", async () => {
    await act("sales.silver", "stop");
    const { items } = await stack.rest.get<{ items: { certificate: Record<string, unknown> | null }[] }>(
      "/v1/jobs/sales.silver/runs",
    );
    const offsets = await stack.rest.get<{ partitions: { partition: number; committed: string }[] }>(
      "/v1/jobs/sales.silver/offsets",
    );
    const committed = Object.fromEntries(offsets.partitions.map((p) => [String(p.partition), p.committed]));
    expect(items[0]?.certificate).toMatchObject({
      job: "sales.silver",
      inFlight: false,
      mode: "drain",
      through: { "sales.events.v1": committed },
    });
    await act("sales.silver", "start");
    await allRunning(stack);
  });

  it("does nothing when a running job is started or a stopped one is stopped", async () => {
    const running = await job("sales.dq");
    expect(await act("sales.dq", "start")).toMatchObject({ state: "succeeded" });
    expect(await job("sales.dq")).toMatchObject({ state: "RUNNING", epoch: running.epoch });
    await act("sales.dq", "stop");
    const stopped = await job("sales.dq");
    expect(await act("sales.dq", "stop")).toMatchObject({ state: "succeeded" });
    expect(await job("sales.dq")).toMatchObject({ state: "STOPPED", epoch: stopped.epoch });
    await act("sales.dq", "start");
    expect((await job("sales.dq")).epoch).toBeGreaterThan(running.epoch);
  });

  it("answers 202 with the operation's address when asked not to wait", async () => {
    const response = await fetch(`${stack.url}/v1/jobs/sales.dq/restart`, { method: "POST" });
    expect(response.status).toBe(202);
    const location = response.headers.get("location") ?? "";
    expect(location).toMatch(/^\/v1\/operations\//);
    expect(await stack.rest.get(location)).toMatchObject({ job: "sales.dq", kind: "restart" });
    await allRunning(stack);
  });
});
