import { stackProcesses } from "../../../infra/local/src/leftovers.ts";
import { signal } from "../../../infra/local/src/processes.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const KAFKA_AWAY_MS = 60_000;
/** No state contradicts what is true for longer. */
const NOTICED_MS = 10_000;
const REGISTRY_AWAY_MS = 20_000;
const SUSPENDED_MS = 150_000;

/** Faults of what everything rests on: Kafka, the schema registry, Postgres, the machine. */
export const dependencyFaults: Fault[] = [
  {
    id: "kafka-stopped",
    what: "Kafka stopped for 60 s",
    long: true,
    async happen(stage) {
      await stage.ask("kafka", "stop");
      const began = performance.now();
      await stage.until("the job that reads Kafka to say that it does not answer", noLongerRunning(stage), NOTICED_MS);
      await stage.lasts(KAFKA_AWAY_MS - (performance.now() - began));
      await stage.ask("kafka", "start");
    },
  },
  {
    id: "registry-stopped",
    what: "the schema registry stopped for 20 s",
    unharmed: true,
    happen: (stage) => isAway(stage, "schema-registry", REGISTRY_AWAY_MS),
  },
  {
    id: "postgres-restarted",
    what: "Postgres restarted",
    unharmed: true,
    async happen(stage) {
      const epochs = await stage.epochs();
      await stage.ask("postgres", "restart");
      await stage.until("the same runs as before", async () => {
        const now = await stage.epochs();
        return JSON.stringify(now) === JSON.stringify(epochs) || { pending: now };
      });
    },
  },
  {
    id: "postgres-killed",
    what: "kill -9 of Postgres",
    unharmed: true,
    async happen(stage) {
      const epochs = await stage.epochs();
      stage.send("SIGKILL", stage.service("postgres"));
      await stage.until("the same runs as before", async () => {
        const now = await stage.epochs();
        return JSON.stringify(now) === JSON.stringify(epochs) || { pending: now };
      });
    },
  },
  {
    id: "machine-suspended",
    what: "the whole machine suspended for minutes (every process stopped, then continued)",
    long: true,
    async happen(stage) {
      const launches = (await stage.launches()).length;
      const processes = stackProcesses(stage.stack.stateDir);
      for (const process of processes) signal(process, "SIGSTOP");
      await stage.lasts(SUSPENDED_MS);
      for (const process of processes) signal(process, "SIGCONT");
      await stage.until("the control plane to answer", async () => await stage.epochs());
      const again = (await stage.launches()).length - launches;
      stage.tell(again === 0 ? "nothing was submitted again" : `${again} launches since`);
      must(again <= 1, `${again} launches after one suspension`);
    },
  },
];

function noLongerRunning(stage: Stage) {
  return async () => {
    const { state, reason } = await stage.job("sales.bronze");
    return state !== "RUNNING" || { pending: { state, reason } };
  };
}

async function isAway(stage: Stage, service: string, ms: number): Promise<void> {
  await stage.ask(service, "stop");
  await stage.lasts(ms);
  await stage.ask(service, "start");
}
