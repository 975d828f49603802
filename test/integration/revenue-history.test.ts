import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Explanation } from "../../control-plane/src/services/revenue/explain.ts";
import type { RevenueAnswer, RevenueWindow } from "../../control-plane/src/services/revenue/windows.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, manifest, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();
const windows = (query: Record<string, string | number> = {}) =>
  stack.rest.get<RevenueAnswer>("/v1/revenue/windows", { limit: 10_000, ...query });

interface Look {
  /** when the answer was there */
  at: string;
  answer: RevenueAnswer;
}

/** Answers as they came while events, batches and final windows went on, and one run of gold gave way to the next. */
const looks: Look[] = [];

/** Compaction makes versions of its own, in which nothing changes. */
const told = ({ items, snapshot: { tables: _, ...snapshot } }: RevenueAnswer) => ({ items, snapshot });

beforeAll(async () => {
  await allRunning(stack);
  // What other tests left behind is not ours to compare; without a first event no job has consumed anything.
  await produce(stack, { seed: 82, events: 300 });
  await allConsumed(stack);
  const working = { yet: true };
  const worked = Promise.all([
    produce(stack, { seed: 81, events: 4_000, rate: 250 }),
    stack.rest.post("/v1/jobs/sales.gold/restart", { wait: "60s" }),
  ])
    .then(() => allConsumed(stack))
    .finally(() => {
      working.yet = false;
    });
  const look = async () => {
    const answer = await windows();
    looks.push({ at: new Date().toISOString(), answer });
    return answer;
  };
  while (working.yet) {
    await look();
    await delay(150);
  }
  await worked;
  await waitFor(
    async () => {
      const { items } = await look();
      const open = items.filter(({ status }) => status !== "final").length;
      return open === 0 || { pending: `${open} open windows` };
    },
    { timeout: 120_000, what: "every window to be final" },
  );
});

describe("revenue as of a moment of the past", () => {
  it("is to the letter what was answered, by the moment that the answer names", async () => {
    const byMoment = new Map(looks.map(({ answer }) => [answer.snapshot.asOf, answer]));
    expect(byMoment.size).toBeGreaterThan(5);
    for (const [asOf, answer] of byMoment) {
      if (asOf !== null) expect(told(await windows({ as_of: asOf })), asOf).toEqual(told(answer));
    }
  });

  it("is what was answered at any time at which nothing happened", async () => {
    const quiet = looks.filter(({ answer }, at) => {
      const next = looks[at + 1]?.answer.snapshot;
      return next !== undefined && JSON.stringify(next) === JSON.stringify(answer.snapshot);
    });
    expect(quiet.length).toBeGreaterThan(3);
    for (const { at, answer } of quiet.slice(0, 15)) {
      if (answer.snapshot.asOf !== null) expect(told(await windows({ as_of: at })), at).toEqual(told(answer));
    }
  });

  it("is refused before there was anything", async () => {
    await expect(windows({ as_of: "2020-01-01T00:00:00Z" })).rejects.toMatchObject({
      body: { errors: [{ field: "as_of", expected: expect.stringContaining("at the earliest") }] },
    });
  });
});

describe("the explanation of a figure", () => {
  const explain = ({ window_start, plan_tier, region, currency }: RevenueWindow, query: Record<string, string> = {}) =>
    stack.rest.get<Explanation>("/v1/revenue/explain", { window_start, plan_tier, region, currency, ...query });

  it("adds up to what the list of windows says, for every figure of some windows", async () => {
    const { items } = await windows();
    const starts = [...new Set(items.map(({ window_start }) => window_start))].slice(-2);
    const some = items.filter(({ window_start }) => starts.includes(window_start));
    let refused = 0;
    for (const item of some) {
      const explanation = await explain(item);
      expect(explanation.figure).toEqual(item);
      expect(explanation, explanation.summary).toMatchObject({ addsUp: true, sums: { pending: { event_count: "0" } } });
      expect(explanation.changes.at(-1)).toMatchObject({
        revenue: item.revenue,
        status: "final",
        revision: item.revision,
      });
      expect(explanation.batches.every(({ epoch, committedAt }) => epoch !== null && committedAt !== null)).toBe(true);
      expect(explanation.items.filter(({ outcome }) => outcome === "accepted")).toHaveLength(Number(item.event_count));
      const { accepted, ...others } = explanation.outcomes;
      expect(accepted).toBe(String(item.event_count));
      refused += Object.values(others).reduce((sum, records) => sum + Number(records), 0);
    }
    expect(refused).toBeGreaterThan(0);
  }, 120_000);

  it("adds up while it was being built, with every change that was answered", async () => {
    const seen = new Map<string, string[]>();
    for (const { answer } of looks) {
      for (const item of answer.items) {
        const key = JSON.stringify([item.window_start, item.plan_tier, item.region, item.currency]);
        const figure = `${item.revenue} ${item.status}`;
        const before = seen.get(key) ?? [];
        if (before.at(-1) !== figure) seen.set(key, [...before, figure]);
      }
    }
    const [key, figures = []] = [...seen].sort(([, a], [, b]) => b.length - a.length)[0] ?? expect.fail("no figure");
    const [window_start, plan_tier, region, currency] = JSON.parse(key) as [string, string, string, string];
    const item = { window_start, plan_tier, region, currency } as RevenueWindow;
    const { changes } = await explain(item);
    expect(figures.length).toBeGreaterThan(1);
    expect(changes.map(({ revenue, status }) => `${revenue} ${status}`)).toEqual(expect.arrayContaining(figures));
    for (const { at } of changes) {
      const then = await explain(item, { as_of: at as string });
      expect(then.changes).toEqual(changes.slice(0, then.changes.length));
      expect(then.sums.updates, then.summary).toEqual(then.sums.figure);
    }
  });
});

describe("rolled windows", () => {
  it("are the sums of their parts", async () => {
    const as_of = looks.at(-1)?.answer.snapshot.asOf ?? "";
    const parts = (await windows({ as_of, currency: "USD" })).items;
    const rolled = (await windows({ as_of, currency: "USD", rolling: "1m" })).items;
    const cents = (text: string) => BigInt(text.replace(".", ""));
    expect(rolled.length).toBeGreaterThan(0);
    for (const { window_start, window_end, plan_tier, region, revenue } of rolled) {
      const [from, to] = [Date.parse(window_start), Date.parse(window_end)];
      expect(to - from).toBe(60_000);
      expect((from / manifest.parameters.windowMs) % 1).toBe(0);
      const inside = parts.filter(
        (part) =>
          Date.parse(part.window_start) >= from &&
          Date.parse(part.window_end) <= to &&
          part.plan_tier === plan_tier &&
          part.region === region,
      );
      expect(cents(revenue)).toBe(inside.reduce((sum, part) => sum + cents(part.revenue), 0n));
    }
  });
});
