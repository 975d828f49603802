import { createSparkMaster } from "../../../control-plane/src/adapters/spark-master.ts";
import type { StackProcess } from "../../../infra/local/src/leftovers.ts";
import { loadSecrets } from "../../../infra/local/src/secrets.ts";
import { sparkMasterUiUrl } from "../../../infra/local/src/services/spark.ts";
import { anyAlive } from "../../stack/spark-driver.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** How long nothing of a killed driver may show up again. */
const WATCH_MS = 60_000;
/** Longer than a worker may be silent before its master takes it for dead (spark.worker.timeout). */
const WORKER_FROZEN_MS = 75_000;

/** A driver that has to be started anew needs its time. */
const RECOVERY_MS = 180_000;

/** Faults of Spark's own processes. */
export const sparkFaults: Fault[] = [
  {
    id: "driver-killed",
    what: "kill -9 of the driver, JVM and Python",
    happen: async (stage) => newRunAfter(stage, () => stage.send("SIGKILL", stage.drivers())),
  },
  {
    id: "driver-jvm-killed",
    what: "kill -9 of the driver's JVM alone: no Python survives it",
    async happen(stage) {
      const [jvms, pythons] = split(stage);
      await newRunAfter(stage, () => stage.send("SIGKILL", jvms));
      must(!anyAlive(pythons), "the Python of the killed driver lives");
    },
  },
  {
    id: "driver-killed-by-master",
    what: "the driver killed through the master's REST API: no Python survives it, and nothing of it writes",
    long: true,
    async happen(stage) {
      const victims = stage.drivers();
      await newRunAfter(stage, async () => await masterOf(stage).kill(await submissionId(stage)));
      const until = performance.now() + WATCH_MS;
      while (performance.now() < until) {
        must(!anyAlive(victims), "a process of the killed driver lives");
        await stage.lasts(1_000);
      }
    },
  },
  {
    id: "driver-frozen",
    what: "the driver frozen (SIGSTOP) for longer than its heartbeat: killed before it is replaced",
    async happen(stage) {
      const victims = stage.drivers();
      await newRunAfter(stage, () => stage.send("SIGSTOP", victims));
      must(!anyAlive(victims), "the frozen driver lives beside its successor");
    },
  },
  {
    id: "executor-killed",
    what: "kill -9 of the executor: Spark replaces it and every job commits batches with the new one",
    async happen(stage) {
      const drivers = stage.drivers();
      const victims = stage.executors();
      stage.send("SIGKILL", victims);
      const successors = await stage.until<StackProcess[]>("another executor", async () => {
        const found = stage.executors();
        return (found.length > 0 && !found.some((one) => isOneOf(victims, one)) && found) || { pending: pids(found) };
      });
      must(!anyAlive(victims), "the killed executor lives");
      await batchesGoOn(stage);
      must(
        successors.some((one) => anyAlive([one])),
        "the executor that took over is gone already",
      );
      must(
        drivers.every((one) => anyAlive([one])),
        "a driver ended although only its executor was killed",
      );
    },
  },
  {
    id: "worker-killed",
    what: "kill -9 of the worker: its driver dies with it",
    happen: async (stage) => newRunAfter(stage, () => stage.send("SIGKILL", stage.service("spark-worker"))),
  },
  {
    id: "worker-frozen",
    what: "the worker frozen for longer than its master waits, then thawed: its driver works on, or is killed and replaced by one",
    long: true,
    async happen(stage) {
      const worker = stage.service("spark-worker");
      const drivers = stage.drivers();
      const launches = (await stage.launches()).length;
      stage.send("SIGSTOP", worker);
      await stage.lasts(WORKER_FROZEN_MS);
      // Its master says ERROR of a driver that works on: that must not get a successor beside it.
      const [before] = await stage.launches();
      must(
        before?.endedAt != null || drivers.every((one) => anyAlive([one])),
        "the launch counts as living although its driver is gone",
      );
      stage.send("SIGCONT", worker);
      await batchesGoOn(stage);
      const now = stage.drivers();
      const isSame = drivers.every((one) => isOneOf(now, one));
      must(
        isSame || !anyAlive(drivers),
        `of the driver before the frost ${pids(drivers)} something lives beside ${pids(now)}`,
      );
      const since = (await stage.launches()).length - launches;
      must(since <= 1, `${since} launches after one frozen worker`);
      stage.tell(isSame ? "the driver outlived the frost" : "the driver was replaced");
    },
  },
  {
    id: "master-killed",
    what: "kill -9 of the master: applications go on",
    unharmed: true,
    async happen(stage) {
      const before = stage.drivers();
      stage.send("SIGKILL", stage.service("spark-master"));
      await masterBack(stage);
      const after = stage.drivers().map(({ pid }) => pid);
      must(
        before.every(({ pid }) => after.includes(pid)),
        "the driver did not outlive the master",
      );
    },
  },
  {
    id: "master-and-worker-killed",
    what: "kill -9 of master and worker at the same moment",
    happen: async (stage) =>
      newRunAfter(stage, () =>
        stage.send("SIGKILL", [...stage.service("spark-master"), ...stage.service("spark-worker")]),
      ),
  },
  {
    id: "master-restarted-while-pending",
    what: "the master restarted while a submission is pending",
    async happen(stage) {
      const launches = (await stage.launches()).length;
      await newRunAfter(stage, async () => {
        stage.send("SIGKILL", stage.drivers());
        await stage.until("a new submission", async () => {
          const { length } = await stage.launches();
          return length > launches || { pending: length };
        });
        stage.send("SIGKILL", stage.service("spark-master"));
      });
    },
  },
  {
    id: "master-recovering",
    what: "the driver killed while the master is RECOVERING",
    async happen(stage) {
      await newRunAfter(stage, async () => {
        stage.send("SIGKILL", stage.service("spark-master"));
        await stage.lasts(500);
        stage.send("SIGKILL", stage.drivers());
      });
    },
  },
];

/** Lets something happen after which every job must come to a new run. */
async function newRunAfter(stage: Stage, happen: () => void | Promise<void>): Promise<void> {
  const before = await stage.epochs();
  await happen();
  await stage.until("a new run of every job", async () => {
    const now = await stage.epochs();
    return stage.jobs.every((job) => (now[job] ?? 0) > (before[job] ?? 0)) || { pending: now };
  });
}

/** Waits until every job has committed one more batch that began after now. */
async function batchesGoOn(stage: Stage): Promise<void> {
  const since = new Date().toISOString();
  await stage.until(
    "every job to commit another batch",
    async () => {
      const jobs = await Promise.all(stage.jobs.map((job) => stage.job(job)));
      const waiting = jobs.filter(({ lastBatch }) => lastBatch === null || lastBatch.at <= since);
      return waiting.length === 0 || { pending: waiting.map(({ id, state }) => `${id} ${state}`) };
    },
    RECOVERY_MS,
  );
}

function isOneOf(processes: readonly StackProcess[], wanted: StackProcess): boolean {
  return processes.some(({ pid, startTicks }) => pid === wanted.pid && startTicks === wanted.startTicks);
}

function pids(processes: readonly StackProcess[]): string {
  return processes.map(({ pid }) => pid).join(", ");
}

function split(stage: Stage) {
  const drivers = stage.drivers();
  const jvms = drivers.filter(({ command }) => command.includes("DriverWrapper"));
  return [jvms, drivers.filter((driver) => !jvms.includes(driver))] as const;
}

function masterOf(stage: Stage) {
  const { settings } = stage.stack;
  return createSparkMaster({
    restUrl: `http://${settings.host}:${settings.ports.sparkMasterRest}`,
    uiUrl: sparkMasterUiUrl(settings),
    secret: loadSecrets(settings.stateDir).sparkRestSecret,
  });
}

async function submissionId(stage: Stage): Promise<string> {
  const { activeDrivers } = await masterOf(stage).cluster();
  const [id] = activeDrivers;
  if (id === undefined) throw new Error("The master knows of no driver.");
  return id;
}

async function masterBack(stage: Stage): Promise<void> {
  await stage.until("the master to be ALIVE", async () => {
    const { status } = await masterOf(stage).cluster();
    return status === "ALIVE" || { pending: status };
  });
}
