import { createSparkMaster } from "../../../control-plane/src/adapters/spark-master.ts";
import { loadSecrets } from "../../../infra/local/src/secrets.ts";
import { sparkMasterUiUrl } from "../../../infra/local/src/services/spark.ts";
import { anyAlive } from "../../stack/spark-driver.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** How long nothing of a killed driver may show up again. */
const WATCH_MS = 60_000;
/** Longer than a worker may be silent before its master takes it for dead (spark.worker.timeout). */
const WORKER_FROZEN_MS = 75_000;

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
    what: "kill -9 of the executor: Spark replaces it and the jobs go on",
    async happen(stage) {
      const epochs = await stage.epochs();
      const victims = stage.executors();
      stage.send("SIGKILL", victims);
      await stage.until("another executor", async () => {
        const pids = stage.executors().map(({ pid }) => pid);
        return (pids.length > 0 && !victims.some(({ pid }) => pids.includes(pid))) || { pending: pids };
      });
      const after = await stage.epochs();
      stage.tell(JSON.stringify(after) === JSON.stringify(epochs) ? "no run ended" : "runs ended and began again");
    },
  },
  {
    id: "worker-killed",
    what: "kill -9 of the worker: its driver dies with it",
    happen: async (stage) => newRunAfter(stage, () => stage.send("SIGKILL", stage.service("spark-worker"))),
  },
  {
    id: "worker-frozen",
    what: "the worker frozen for longer than its master waits, then thawed",
    long: true,
    async happen(stage) {
      const worker = stage.service("spark-worker");
      stage.send("SIGSTOP", worker);
      await stage.lasts(WORKER_FROZEN_MS);
      stage.send("SIGCONT", worker);
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
