import { createKafka } from "../../../producer/src/kafka-client.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const TOPIC = "sales.events.v1";
const PARTITIONS = 3;
/** A query that reads Kafka notices at its next batch; then it must stay so. */
const STAYS_MS = 10_000;

/** Faults after which a job must not go on by itself. */
export const topicFaults: Fault[] = [
  {
    id: "topic-recreated",
    what: "the topic is deleted and made anew under the running job: FAILED with the ways out, and nothing is lost",
    final: true,
    async happen(stage) {
      const before = await bronzeRecords(stage);
      const admin = createKafka(stage.stack.brokers, "penstock-faults", { retries: 5 }).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [TOPIC] });
      await stage.until("the topic to be made anew", async () => {
        const isMade = await admin.createTopics({
          topics: [
            {
              topic: TOPIC,
              numPartitions: PARTITIONS,
              configEntries: [{ name: "message.timestamp.type", value: "LogAppendTime" }],
            },
          ],
        });
        // False is also said of one that this made a moment ago, by a request whose answer came too late and was sent again.
        return isMade || (await isSeenAnew(stage)) || { pending: "the old one is still being deleted" };
      });
      await admin.disconnect();
      await isFailed(stage);
      await stage.lasts(STAYS_MS);
      await isFailed(stage);
      await offsetsTell(stage);
      const after = await bronzeRecords(stage);
      must(after >= before, `${before - after} records of the old topic are gone`);
    },
  },
];

async function isSeenAnew(stage: Stage): Promise<boolean> {
  const { reason } = await stage.job("sales.bronze");
  return reason?.includes(`${TOPIC} was deleted and made anew`) === true;
}

async function isFailed(stage: Stage): Promise<void> {
  await stage.until("bronze to be FAILED, with the topic and the ways out in its reason", async () => {
    const { state, reason } = await stage.job("sales.bronze");
    const text = reason ?? "";
    return (state === "FAILED" && text.includes(TOPIC) && /way out/i.test(text)) || { pending: `${state} ${text}` };
  });
}

async function offsetsTell(stage: Stage): Promise<void> {
  const { problem } = await stage.stack.rest.get<{ problem: { text: string; waysOut: string[] } | null }>(
    "/v1/jobs/sales.bronze/offsets",
  );
  const isTold = problem?.text.includes(TOPIC) === true && problem.waysOut.length > 0;
  must(isTold, `/offsets says ${JSON.stringify(problem)}`);
}

async function bronzeRecords(stage: Stage): Promise<number> {
  const { bronzeRecords: records } = await stage.stack.rest.get<{ bronzeRecords: string }>("/v1/audit/outcomes");
  return Number(records);
}
