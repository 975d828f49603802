import { beforeAll, describe, expect, it } from "vitest";
import type { Explanation } from "../../control-plane/src/services/revenue/explain.ts";
import type { RevenueAnswer, RevenueWindow } from "../../control-plane/src/services/revenue/windows.ts";
import type { SalesEvent } from "../../producer/src/contract.ts";
import { createEncoder } from "../../producer/src/event-encoder.ts";
import { formatCents, parseCents, toCents } from "../../producer/src/oracle/money.ts";
import { registerContract } from "../../producer/src/registration.ts";
import { allRunning, expectExact, kafkaOf, manifest, sharedStack, topic } from "./shared-stack.ts";

const stack = sharedStack();
/** More cents than a double can tell apart, halves of cents, and what a sum of doubles gets wrong. */
const AMOUNTS = [9999999999999998, 9999999999999996, 90071992547409.94, 0.1, 0.2, 0.07, 1.005, 2.675, 0.004];
const REFUNDS = [-0.01, -0.005, -49.99, -90071992547409.92];

const sent: SalesEvent[] = [];
let answer: RevenueAnswer;

beforeAll(async () => {
  await allRunning(stack);
  const encode = createEncoder(await registerContract(stack.registryUrl, manifest.contract.subject));
  const now = new Date().toISOString();
  for (const currency of ["USD", "EUR", "CAD"]) {
    for (const amount of [...AMOUNTS, ...REFUNDS]) {
      const kind = {
        event_type: amount < 0 ? "refund" : "renewal",
        plan_tier: "enterprise",
        region: "LATAM",
        currency,
      };
      const place = { account_id: "money", schema_version: 1, user_id: null, source: null, trace_id: null };
      const event_id = `money-${now}-${currency}-${amount}`;
      sent.push({ event_id, event_time: now, ingest_time: now, amount, ...kind, ...place });
    }
  }
  const producer = kafkaOf(stack).producer();
  await producer.connect();
  await producer.send({ topic, messages: sent.map((event) => ({ key: "money", value: encode(event) })) });
  await producer.disconnect();
  await expectExact(stack);
  answer = await stack.rest.get<RevenueAnswer>("/v1/revenue/windows", query());
});

/** The windows of the events that were sent. */
function query(): Record<string, string> {
  const [event] = sent;
  const { windowMs } = manifest.parameters;
  const start = Math.floor(Date.parse(event?.event_time ?? "") / windowMs) * windowMs;
  const [from, to] = [start, start + windowMs].map((ms) => new Date(ms).toISOString());
  return { from: from ?? "", to: to ?? "", plan_tier: "enterprise", region: "LATAM" };
}

const explain = ({ window_start, plan_tier, region, currency }: RevenueWindow) =>
  stack.rest.get<Explanation>("/v1/revenue/explain", { window_start, plan_tier, region, currency });

describe("money", () => {
  it("comes back to the cent, currency by currency, as the oracle works it out", async () => {
    expect(answer.items.map(({ currency }) => currency)).toEqual(["CAD", "EUR", "USD"]);
    for (const item of answer.items) {
      const { items, addsUp } = await explain(item);
      expect(addsUp).toBe(true);
      const mine = new Map(items.map(({ event_id, amount }) => [event_id, amount]));
      for (const { event_id, amount, currency } of sent) {
        if (currency === item.currency) expect(mine.get(event_id)).toBe(formatCents(toCents(amount) as bigint));
        else expect(mine.has(event_id)).toBe(false);
      }
      const counted = items.filter(({ outcome }) => outcome === "accepted");
      const cents = counted.reduce((sum, { amount }) => sum + (parseCents(amount ?? "") as bigint), 0n);
      expect(cents).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER));
      expect(item.revenue).toBe(formatCents(cents));
    }
  });

  it("is text in JSON, and the same text in every format", async () => {
    // Windows become final meanwhile; as of then they are what they were.
    const as_of = answer.snapshot.asOf ?? "";
    const read = async (more: Record<string, string>) => {
      const url = new URL(`/v1/revenue/windows?${new URLSearchParams({ ...query(), as_of, ...more })}`, stack.url);
      return (await fetch(url)).text();
    };
    const json = await read({});
    const lines = (await read({ format: "ndjson" })).trimEnd().split("\n");
    const rows = (await read({ format: "csv" })).trimEnd().split("\r\n").slice(1);
    for (const [at, item] of answer.items.entries()) {
      expect(json).toContain(`"revenue":"${item.revenue}"`);
      expect(JSON.parse(lines[at] ?? "")).toEqual(item);
      expect(rows[at]?.split(",")[5]).toBe(item.revenue);
    }
  });
});
