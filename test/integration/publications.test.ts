import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import { beforeAll, describe, expect, it } from "vitest";
import { LOGICAL_TYPES } from "../../control-plane/src/adapters/avro-encoder.ts";
import type { FailpointName } from "../../control-plane/src/services/failpoint.ts";
import type { PublicationAnswer } from "../../control-plane/src/services/publications/publications.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { FAILPOINT_FOLDER } from "../faults/stage.ts";
import { type CommittedRecord, readCommitted } from "../stack/committed-records.ts";
import { lakeRows } from "../stack/lake-rows.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, kafkaOf, manifest, produce, sharedStack, topic } from "./shared-stack.ts";

const stack = sharedStack();
const kafka = kafkaOf(stack);
const DEAD = "outcome IN ('undecodable', 'invalid', 'late', 'future')";
const topicOf = (name: string) => manifest.topics[manifest.publications[name]?.topic ?? ""]?.name ?? "";
const publication = (name: string) => stack.rest.get<PublicationAnswer>(`/v1/publications/${name}`);
const publications = async () => (await stack.rest.get<{ items: PublicationAnswer[] }>("/v1/publications")).items;
const header = ({ headers }: CommittedRecord, name: string) => {
  const value = headers[`penstock.${name}`];
  return value === undefined ? null : String(Array.isArray(value) ? value.at(-1) : value);
};
/** Places that the control plane has not come by yet, and where it will die. */
const armed = () => readdirSync(join(stack.stateDir, FAILPOINT_FOLDER));

function arm(names: FailpointName[]): void {
  mkdirSync(join(stack.stateDir, FAILPOINT_FOLDER), { recursive: true });
  for (const name of names) writeFileSync(join(stack.stateDir, FAILPOINT_FOLDER, name), "");
}

/** Waits until as many rows were sent as a table has. */
async function allSent(name: string, table: string, where: string): Promise<void> {
  await waitFor(
    async () => {
      const rows = String((await lakeRows(stack, table, `WHERE ${where}`)).length);
      const { published, state, reason } = await publication(name);
      return (published === rows && state === "UP_TO_DATE") || { pending: { rows, published, state, reason } };
    },
    { timeout: 60_000, what: `${name} to have sent all of ${table}` },
  );
}

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 141, events: 400 });
  const producer = kafka.producer();
  await producer.connect();
  const headers = { from: [Buffer.from([0, 200]), Buffer.from("again")] };
  const odd = [null, Buffer.from([9, 0, 255]), Buffer.alloc(1_000_000, 7)];
  await producer.send({ topic, messages: odd.map((value) => ({ key: Buffer.from([0, 255, 1]), value, headers })) });
  await producer.disconnect();
  await allConsumed(stack);
});

describe("what is published", () => {
  it("is neither lost nor doubled when the control plane dies between any two steps of a transaction", async () => {
    arm(["publication-sent", "publication-marked", "publication-committed"]);
    await produce(stack, { seed: 142, events: 200 });
    await waitFor(async () => armed().length === 0 || { pending: armed() }, {
      timeout: 120_000,
      what: "the control plane to have died at each of these places",
    });
    await waitFor(async () => (await publications()).length === 3, {
      timeout: 60_000,
      what: "another control plane to answer",
    });
    await allConsumed(stack);
  });

  it("is every refused record, for readers of committed records exactly once, with its bytes", async () => {
    await allSent("deadLetters", "silver.sales_events", DEAD);
    const [rows, records] = [
      await lakeRows(stack, "silver.sales_events", `WHERE ${DEAD}`),
      await readCommitted(kafka, topicOf("deadLetters")),
    ];
    const fromRows = rows.map((row) => ({
      id: `${row.topic}/${row.partition}/${row.offset}`,
      partition: row.partition,
      outcome: row.outcome,
      reasons: ((row.reasons ?? []) as string[]).join(","),
      key: row.key,
      value: row.value,
    }));
    const fromRecords = records.map((record) => ({
      id: header(record, "id"),
      partition: record.partition,
      outcome: header(record, "outcome"),
      reasons: header(record, "reasons"),
      key: record.key?.toString("base64") ?? null,
      value: record.value?.toString("base64") ?? null,
    }));
    const byId = (one: { id: string | null }, other: { id: string | null }) =>
      String(one.id) < String(other.id) ? -1 : 1;
    expect(fromRecords.sort(byId)).toEqual(fromRows.sort(byId));
    expect(records.length).toBeGreaterThan(20);
    const large = records.find(({ value }) => value?.length === 1_000_000);
    expect(large?.key).toEqual(Buffer.from([0, 255, 1]));
    expect(large?.headers.from).toEqual([Buffer.from([0, 200]), Buffer.from("again")]);
  });

  it("is every final window, exact, once per revision", async () => {
    await allSent("revenue", "gold.revenue_5m", "true");
    const schema = readFileSync(join(CHECKOUT, "producer", "schemas", "revenue-window.avsc"), "utf8");
    const type = avro.Type.forSchema(JSON.parse(schema), { logicalTypes: LOGICAL_TYPES });
    const records = await readCommitted(kafka, topicOf("revenue"));
    const rows = await lakeRows(stack, "gold.revenue_5m", "");
    const text = (window: Record<string, unknown>) =>
      [
        ...["window_start", "window_end", "plan_tier", "region", "currency", "revenue", "event_count", "revision"],
        "finalized_at",
      ]
        .map((name) => String(window[name]))
        .join(" ");
    const decoded = records.map(({ value }) => type.fromBuffer(value?.subarray(5) ?? Buffer.alloc(0)));
    expect(decoded.map(text).sort()).toEqual(rows.map(text).sort());
    expect(rows.length).toBeGreaterThan(0);
  });

  it("is every row of metrics, and all of it again in a topic that was made anew", async () => {
    const [name, table] = [topicOf("dqResults"), "dq.revenue_5m.metrics"];
    const same = async () => {
      await allSent("dqResults", table, "true");
      const records = await readCommitted(kafka, name);
      const rows = await lakeRows(stack, table, "ORDER BY batch_id");
      expect(records.map(({ value }) => JSON.parse(String(value)))).toEqual(
        rows.map((row) => ({ generation: 1, ...row })),
      );
    };
    await same();
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name] });
    const { reason } = await waitFor<PublicationAnswer>(
      async () => {
        const answer = await publication("dqResults");
        return answer.state === "WAITING" ? answer : { pending: answer.state };
      },
      { timeout: 30_000, what: "the missing topic to be noticed" },
    );
    expect(reason).toContain(`The topic ${name} does not exist`);
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    await same();
  });
});

describe("a publication that is paused", () => {
  it("sends nothing until it is resumed, and the audit log tells of both", async () => {
    const before = await stack.rest.post<PublicationAnswer>("/v1/publications/dqResults/pause");
    expect(before.state).toBe("PAUSED");
    await produce(stack, { seed: 150, events: 50 });
    const waiting = await waitFor<PublicationAnswer>(
      async () => {
        const answer = await publication("dqResults");
        return Number(answer.lag) > 0 ? answer : { pending: answer };
      },
      { timeout: 60_000, what: "rows that wait" },
    );
    const rows = await lakeRows(stack, "dq.revenue_5m.metrics", "");
    expect(Number(waiting.published)).toBeLessThan(rows.length);
    await stack.rest.post("/v1/publications/dqResults/resume");
    await allSent("dqResults", "dq.revenue_5m.metrics", "true");
    const { items } = await stack.rest.get<{ items: { action: string; target: string }[] }>("/v1/audit/log", {
      target: "dqResults",
    });
    expect(items.slice(0, 2).map(({ action }) => action)).toEqual(["publication.resume", "publication.pause"]);
    expect((await publications()).map(({ unaccounted }) => unaccounted)).toEqual(["0", "0", "0"]);
  });
});
