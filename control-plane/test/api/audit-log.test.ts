import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
  for (const path of ["sales.gold/stop", "sales.silver/stop", "sales.gold/start", "sales.dq/stop"]) {
    await call(`/v1/jobs/${path}`, "POST");
  }
}, 60_000);

afterAll(() => running?.stop());

const call = (url: string, method: "GET" | "POST" = "GET") =>
  running.controlPlane.app.inject({ method, url, headers: { host: HOST } });

interface Entry {
  id: string;
  at: string;
  action: string;
  target: string;
}

const list = async (query = ""): Promise<{ items: Entry[]; nextCursor: string | null }> =>
  (await call(`/v1/audit/log${query}`)).json();

const said = (items: Entry[]) => items.map(({ action, target }) => `${action} ${target}`);

describe("the audit log", () => {
  it("says who changed what, from what and to what, newest first", async () => {
    const stopped = await call("/v1/jobs/sales.bronze/stop", "POST");
    const { items } = await list();
    expect(said(items)).toEqual([
      "job.stop sales.bronze",
      "job.stop sales.dq",
      "job.start sales.gold",
      "job.stop sales.silver",
      "job.stop sales.gold",
    ]);
    expect(items[0]).toEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/Z$/),
      actor: "local",
      action: "job.stop",
      target: "sales.bronze",
      requestId: stopped.headers["x-request-id"],
      before: { desired: "running", state: "STOPPED" },
      after: { desired: "stopped", mode: "drain", timeoutMs: 30_000, force: false },
    });
  });

  it.each([
    ["target=sales.gold", ["job.start sales.gold", "job.stop sales.gold"]],
    ["target=sales.gold&action=job.stop", ["job.stop sales.gold"]],
    ["actor=somebody", []],
    ["action=job.start&actor=local", ["job.start sales.gold"]],
  ])("is filtered: %s", async (query, expected) => {
    expect(said((await list(`?${query}`)).items)).toEqual(expected);
  });

  it("is cut to a time, from included and to not", async () => {
    const { items } = await list();
    const at = encodeURIComponent(items[0]?.at ?? "");
    const before = (await list(`?to=${at}`)).items;
    const after = (await list(`?from=${at}`)).items;
    expect(before.length + after.length).toBe(items.length);
    expect(after).toContainEqual(items[0]);
    expect((await list("?from=0000-01-01T00:00:00Z&to=9999-12-31T00:00:00Z")).items).toEqual(items);
    expect((await list("?to=9999-12-31T23:59:59-14:00")).items).toEqual(items);
  });

  it("is read page by page, each entry once", async () => {
    const all = (await list()).items;
    const pages: Entry[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: Awaited<ReturnType<typeof list>> = await list(`?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.items.length).toBeLessThanOrEqual(2);
      pages.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(pages).toEqual(all);
  });

  it.each([
    ["from=yesterday", /from: expected an ISO-8601 instant/],
    ["from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", /from: expected an instant not after/],
    ["cursor=x", /cursor: expected the nextCursor/],
    [`cursor=${Buffer.from('["audit",1.5]').toString("base64url")}`, /cursor: expected the nextCursor/],
    ["limit=0", /limit/],
    ["who=me", /who: expected no such query parameter/],
  ])("refuses %s", async (query, detail) => {
    const answer = await call(`/v1/audit/log?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().detail).toMatch(detail);
  });
});
