import { beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

interface Counts {
  checked: string;
  failures: string;
}

interface CheckedRule {
  id: string;
  change: string;
  total: { present: Counts | null };
}

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 97, events: 1_000 });
  await allConsumed(stack);
});

/** All that was ever counted: one interval of many days. */
const ALL = { grain: "1d", from: new Date(Date.now() - 30 * 86_400_000).toISOString() };

describe("data quality rules", () => {
  it("find in every batch what they find in the table: Spark's counts are DuckDB's", async () => {
    const { rules } = await stack.rest.get<{ rules: { id: string; total: Counts }[] }>("/v1/dq/summary", ALL);
    const { items } = await check(await readRules());
    expect(items.map(({ change }) => change)).toEqual(items.map(() => "unchanged"));
    const present = new Map(items.map(({ id, total }) => [id, total.present]));
    expect(rules.length).toBeGreaterThanOrEqual(10);
    expect(rules.map(({ id, total: { checked, failures } }) => ({ id, checked, failures }))).toEqual(
      rules.map(({ id }) => ({ id, checked: present.get(id)?.checked, failures: present.get(id)?.failures })),
    );
    const failed = rules.filter(({ total }) => total.failures !== "0").map(({ id }) => id);
    expect(failed).toEqual(expect.arrayContaining(["records-decodable", "region-known", "events-unique"]));
  });

  it("are counted by the revision that is declared, and sampled under their ids", async () => {
    const answer = await stack.rest.get<{ revision: string; measured: { revision: string; isCurrent: boolean } }>(
      "/v1/dq/rules",
    );
    expect(answer.measured).toMatchObject({ revision: answer.revision, isCurrent: true });
    const samples = await stack.rest.get<{ items: { rule: string; dq_violation_reason: string }[] }>("/v1/dq/samples", {
      reason: "region-known",
      limit: "1",
    });
    expect(samples.items).toMatchObject([{ rule: "region-known", dq_violation_reason: "region-known" }]);
    // For information: counted alone.
    const informing = await stack.rest.get("/v1/dq/samples", { reason: "events-unique" });
    expect(informing).toMatchObject({ items: [] });
  });

  it("are fresh once everything is measured, and nothing that is well alarms", async () => {
    const fresh = async () => {
      const { items } = await stack.rest.get<{ items: { id: string; state: { verdict: string } }[] }>("/v1/dq/rules");
      const state = items.find(({ id }) => id === "measured-in-time")?.state;
      return state?.verdict === "ok" || { pending: state };
    };
    await waitFor(fresh, { timeout: 60_000, what: "the freshness to be judged" });
    const alerts = await stack.rest.get<{ items: { key: string }[] }>("/v1/alerts", { state: "firing" });
    expect(alerts.items.map(({ key }) => key)).not.toContain("dq.rule:measured-in-time");
  });
});

/** The rules as they are declared, as a file again. */
async function readRules(): Promise<string> {
  const { items } = await stack.rest.get<{ items: Record<string, unknown>[] }>("/v1/dq/rules");
  const rules = items.map(({ definition, state: _, ...rest }) => ({ ...rest, ...(definition as object) }));
  return JSON.stringify({ rules });
}

/** Tries a file of rules over all that was ever read. */
function check(file: string) {
  const body = { file, ...ALL };
  return stack.rest.post<{ items: CheckedRule[] }>("/v1/dq/rules/check", {}, body);
}
