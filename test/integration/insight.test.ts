import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { RestError } from "../stack/rest-client.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, jobs, manifest, produce, sharedStack, topic } from "./shared-stack.ts";

const stack = sharedStack();
const { subject } = manifest.contract;

interface Checkpoint {
  folder: string;
  exists: boolean;
  queryId: string | null;
  offsets: { newest: string | null; gaps: string[] };
  commits: { newest: string | null };
  ledgerBatch: string | null;
  sources: { kind: string }[];
  stateOperators: { name: string; partitions: number; rows: string | null }[];
  size: { files: number };
  next: string;
  damage: { file: string; problem: string; stopsStart: boolean; waysOut: string[] }[];
}

interface Log {
  launch: string;
  executor: string | null;
  from: number;
  to: number;
  size: number;
  lines: string[];
}

const checkpointOf = (job: string) => stack.rest.get<Checkpoint>(`/v1/jobs/${job}/checkpoint`);
const refusal = (pending: Promise<unknown>) =>
  pending.then(
    () => expect.unreachable(),
    (error: RestError) => ({ status: error.status, ...(error.body as { code: string; next: string; detail: string }) }),
  );

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 61, events: 500 });
  await allConsumed(stack);
});

describe("the checkpoint", () => {
  it("of every job is whole, and in step with its table", async () => {
    for (const job of jobs) {
      const checkpoint = await checkpointOf(job);
      expect(checkpoint.damage, job).toEqual([]);
      expect(checkpoint, job).toMatchObject({ exists: true, queryId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(checkpoint.offsets.gaps, job).toEqual([]);
      expect(Number(checkpoint.ledgerBatch), job).toBeGreaterThanOrEqual(0);
      expect(Number(checkpoint.ledgerBatch), job).toBeLessThanOrEqual(Number(checkpoint.offsets.newest));
      expect(checkpoint.sources[0]?.kind, job).toBe(job === "sales.bronze" ? "kafka" : "delta");
      expect(checkpoint.next, job).toMatch(/^A start (goes on after|repeats) batch \d+/);
    }
  });

  it("tells the state that duplicates are found by", async () => {
    const { stateOperators } = await checkpointOf("sales.silver");
    expect(stateOperators).toHaveLength(1);
    expect(stateOperators[0]).toMatchObject({ name: expect.stringContaining("dedup") });
    expect(Number(stateOperators[0]?.rows)).toBeGreaterThan(0);
  });

  it("that is damaged says which file, and the ways out", async () => {
    await stack.rest.post("/v1/jobs/sales.dq/stop", { wait: "60s" });
    const { folder, offsets } = await checkpointOf("sales.dq");
    const file = join(folder, "offsets", String(offsets.newest));
    const text = readFileSync(file, "utf8");
    truncateSync(file, 20);
    try {
      const { damage, next } = await checkpointOf("sales.dq");
      expect(damage).toHaveLength(1);
      expect(damage[0]).toMatchObject({ file: `offsets/${offsets.newest}`, stopsStart: true });
      expect(damage[0]?.waysOut.length).toBeGreaterThan(1);
      expect(next).toMatch(/^A start fails/);
    } finally {
      writeFileSync(file, text);
      await stack.rest.post("/v1/jobs/sales.dq/start", { wait: "60s" });
    }
    expect((await checkpointOf("sales.dq")).damage).toEqual([]);
  });
});

describe("where a job stands", () => {
  it("is told against what it reads itself, too", async () => {
    await allConsumed(stack);
    for (const job of jobs) {
      const offsets = await waitFor<{ sources: Record<string, unknown>[]; problem: unknown }>(
        async () => {
          const answer = await stack.rest.get<{ sources: Record<string, unknown>[]; problem: unknown }>(
            `/v1/jobs/${job}/offsets`,
          );
          const waits = answer.sources.some(({ kind, lagRecords }) => kind === "delta" && lagRecords !== "0");
          return waits ? { pending: answer.sources } : answer;
        },
        { timeout: 60_000, what: `${job} to have read its source` },
      );
      expect(offsets.problem).toBeNull();
      const [source] = offsets.sources;
      if (job === "sales.bronze") {
        expect(source).toMatchObject({ kind: "kafka", name: topic, problem: null });
      } else {
        expect(source).toMatchObject({ kind: "delta", lagSeconds: 0, committed: expect.stringMatching(/^\d+$/) });
        expect(Number(source?.latest)).toBeGreaterThanOrEqual(Number(source?.committed));
      }
    }
  });

  it("is summed up batch by batch", async () => {
    const { items } = await stack.rest.get<{ items: { type: string; summary: Record<string, unknown> }[] }>(
      "/v1/jobs/sales.silver/progress",
      { type: "progress", limit: 5 },
    );
    expect(items.length).toBeGreaterThan(0);
    for (const { type, summary } of items) {
      expect(type).toBe("progress");
      expect(summary).toMatchObject({
        durationsMs: { triggerExecution: expect.any(Number) },
        stateRows: expect.any(Number),
      });
    }
  });
});

describe("the log", () => {
  const path = "/v1/jobs/sales.gold/logs";

  it("of the driver is read from its end, and on from a byte", async () => {
    const end = await stack.rest.get<Log>(path, { tail: 3 });
    expect(end.lines.length).toBeLessThanOrEqual(3);
    const whole = await stack.rest.get<Log>(path, { from: 0, tail: 10_000 });
    expect(whole.lines[0]).toMatch(/^Launch Command: .*DriverWrapper/);
    expect(whole.lines.slice(-end.lines.length)).toEqual(end.lines);
    expect((await stack.rest.get<Log>(path, { from: whole.to })).lines).toEqual([]);
  });

  it("of an executor is found on the worker that has it", async () => {
    const log = await stack.rest.get<Log>(path, { source: "executor", from: 0 });
    expect(log.executor).toMatch(/^\d+$/);
    expect(log.lines[0]).toContain("CoarseGrainedExecutorBackend");
  });

  it("is plain text for whoever asks for that", async () => {
    for (const [query, headers] of [
      ["?format=text", {}],
      ["", { accept: "text/plain" }],
    ] as const) {
      const response = await fetch(`${stack.url}${path}${query}`, { headers });
      expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
      expect(await response.text()).toMatch(/\n$/);
    }
  });

  it("can be followed, and let go", async () => {
    const stop = new AbortController();
    const response = await fetch(`${stack.url}${path}?follow=true&tail=1`, { signal: stop.signal });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toMatch(/\n$/);
    stop.abort();
  });

  it("holds no secret", async () => {
    const secrets = join(stack.stateDir, "secrets");
    const hidden = readdirSync(secrets).map((name) => readFileSync(join(secrets, name), "utf8").trim());
    expect(hidden.filter((text) => text.length >= 16).length).toBeGreaterThan(1);
    for (const source of ["driver", "executor"]) {
      for (const stream of ["stderr", "stdout"]) {
        const { lines } = await stack.rest.get<Log>(path, { source, stream, from: 0, tail: 10_000 });
        const text = lines.join("\n");
        for (const secret of hidden.filter((each) => each.length >= 16)) expect(text.includes(secret)).toBe(false);
      }
    }
  });

  it("that there is not says what there is", async () => {
    const unknown = await refusal(stack.rest.get(path, { launch: "6f9619ff-8b86-4011-b42d-00cf4fc964ff" }));
    expect(unknown).toMatchObject({ status: 404, code: "unknown_launch" });
    expect(unknown.next).toMatch(/newest launches of sales: [0-9a-f-]{36}/);
    const none = await refusal(stack.rest.get(path, { source: "executor", executor: "999" }));
    expect(none).toMatchObject({ status: 404, code: "log_gone" });
  });
});

describe("the platform", () => {
  it("shows the cluster by our names", async () => {
    const cluster = await stack.rest.get<Record<string, Record<string, unknown>[]>>("/v1/cluster");
    expect(cluster.master).toMatchObject({ status: "ALIVE", version: expect.stringMatching(/^4\./) });
    expect(cluster.workers).toHaveLength(1);
    expect(cluster.workers?.[0]).toMatchObject({ state: "ALIVE", lastHeartbeatAt: expect.stringMatching(/Z$/) });
    expect(cluster.applications?.[0]).toMatchObject({ application: "sales", state: "RUNNING" });
    expect(cluster.drivers?.[0]).toMatchObject({ application: "sales", state: "RUNNING", active: true });
  });

  it("shows a topic", async () => {
    const view = await stack.rest.get<{ actual: { partitions: unknown[] } }>(`/v1/topics/${topic}`);
    expect(view.actual.partitions).toHaveLength(manifest.topics.events.partitions);
  });
});

describe("the contract", () => {
  interface Subject {
    subject: string;
    compatibility: { declared: string; actual: string };
    versions: { version: number; id: number; schema: { name: string; fields: { name: string }[] } }[];
  }
  const check = (schema: unknown) =>
    stack.rest.post<{ compatible: boolean; messages: string[] }>(`/v1/schemas/${subject}/check`, {}, { schema });
  const newest = async () => {
    const { versions } = await stack.rest.get<Subject>(`/v1/schemas/${subject}`);
    return versions.at(-1)?.schema as { fields: { name: string }[] };
  };

  it("is shown with its versions and its level", async () => {
    const { items } = await stack.rest.get<{ items: Subject[] }>("/v1/schemas");
    expect(items.map((item) => item.subject)).toEqual([subject, "sales.agg.revenue_5m.v1-value"]);
    const level = manifest.contract.compatibility;
    expect(items[0]).toMatchObject({ compatibility: { declared: level, actual: level } });
    expect(items[0]?.versions[0]).toMatchObject({ version: 1, schema: { name: "SalesEvent" } });
  });

  it("lets a new schema be tried, says why it does not fit, and registers nothing", async () => {
    const before = await stack.rest.get<Subject>(`/v1/schemas/${subject}`);
    const schema = await newest();
    const coupon = { name: "coupon", type: ["null", "string"], default: null };
    expect(await check({ ...schema, fields: [...schema.fields, coupon] })).toMatchObject({
      compatible: true,
      messages: [],
    });
    const strict = await check({ ...schema, fields: [...schema.fields, { name: "coupon", type: "string" }] });
    expect(strict.compatible).toBe(false);
    expect(strict.messages[0]).toMatch(/records of version 1 cannot be read with the new schema: .*coupon/);
    const no = await refusal(check({ type: "recor" }));
    expect(no).toMatchObject({ status: 400, code: "invalid_request", detail: expect.stringMatching(/unknown type/) });
    expect(await stack.rest.get<Subject>(`/v1/schemas/${subject}`)).toEqual(before);
  });
});
