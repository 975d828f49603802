import type { Alerts } from "./alerts.ts";
import type { FirstBoot } from "./first-boot.ts";
import type { CatalogStore, LaunchStore, SchemaRegistry, Topics } from "./ports.ts";
import type { SparkMaster } from "./spark-master.ts";

export type CheckStatus = "ok" | "warn" | "fail";

export interface Check {
  name: string;
  status: CheckStatus;
  text: string;
}

export interface Health {
  status: CheckStatus;
  checks: Check[];
}

export interface HealthDeps {
  boot: FirstBoot;
  /** why this process leaves the decisions to another one; null when it does not */
  standsBy(): string | null;
  catalog: CatalogStore;
  launches: LaunchStore;
  topics: Topics;
  topic: string;
  registry: SchemaRegistry;
  master: SparkMaster;
  alerts: Alerts;
  /** free bytes where the lake lies */
  freeBytes(): Promise<bigint>;
  diskWarnBytes: number;
}

type Finding = [CheckStatus, string];

/** Looks at everything that the control plane depends on. */
export async function checkHealth(deps: HealthDeps): Promise<Health> {
  const checks = await Promise.all([
    check("boot", async () => boot(deps)),
    check("leadership", async () => leadership(deps)),
    check("postgres", async () => {
      await deps.catalog.applications();
      return ["ok", "answers"];
    }),
    check("kafka", async () => {
      const offsets = await deps.topics.offsets(deps.topic);
      return ["ok", `answers; topic ${deps.topic} has ${offsets.size} partitions`];
    }),
    check("schema-registry", async () => {
      await deps.registry.ping();
      return ["ok", "answers"];
    }),
    check("spark", async () => spark(deps)),
    check("jobs", async () => jobs(deps)),
    check("launches", async () => launches(deps)),
    check("alerts", async () => alerts(deps)),
    check("disk", async () => disk(deps)),
  ]);
  const worst = (["fail", "warn"] as const).find((status) => checks.some((entry) => entry.status === status));
  return { status: worst ?? "ok", checks };
}

async function check(name: string, look: () => Promise<Finding>): Promise<Check> {
  try {
    const [status, text] = await look();
    return { name, status, text };
  } catch (error) {
    return { name, status: "fail", text: error instanceof Error ? error.message : String(error) };
  }
}

function boot({ boot: { status }, standsBy }: HealthDeps): Finding {
  if (!status.done && standsBy() !== null) return ["warn", "waits until this control plane may decide"];
  if (!status.done) return ["fail", status.step];
  return status.warnings.length > 0 ? ["warn", status.warnings.join("; ")] : ["ok", "everything is as declared"];
}

function leadership({ standsBy }: HealthDeps): Finding {
  const reason = standsBy();
  return reason === null ? ["ok", "decides"] : ["warn", `stands by: ${reason}`];
}

async function spark({ master }: HealthDeps): Promise<Finding> {
  const cluster = await master.cluster();
  const alive = cluster.workers.filter((worker) => worker.state === "ALIVE");
  if (cluster.status !== "ALIVE") return ["warn", `the master is ${cluster.status}`];
  if (alive.length === 0) return ["warn", "the master has no worker: nothing can be started"];
  const cores = alive.reduce((sum, worker) => sum + worker.cores, 0);
  return ["ok", `${alive.length} worker(s) with ${cores} cores`];
}

async function jobs({ catalog }: HealthDeps): Promise<Finding> {
  const bad = (await catalog.jobs()).filter((job) => ["FAILED", "UNKNOWN", "STALLED"].includes(job.state));
  if (bad.length === 0) return ["ok", "none failed"];
  return ["warn", bad.map((job) => `${job.id} is ${job.state}: ${job.reason ?? "no reason known"}`).join("; ")];
}

async function launches({ catalog, launches: store }: HealthDeps): Promise<Finding> {
  const texts = await Promise.all(
    (await catalog.applications()).map(async ({ name }) => {
      const newest = (await store.recent(name, 1))[0];
      return newest?.failed === true ? [`the last launch of ${name} failed: ${newest.endReason}`] : [];
    }),
  );
  const failed = texts.flat();
  return failed.length === 0 ? ["ok", "none failed"] : ["warn", failed.join("; ")];
}

/** A webhook that takes nothing: nobody would hear of the alerts. */
async function alerts({ alerts: service }: HealthDeps): Promise<Finding> {
  const { firing, webhook } = await service.summary();
  const counts = Object.entries(firing).filter(([, count]) => count > 0);
  const text =
    counts.length === 0 ? "none fires" : `firing: ${counts.map(([it, count]) => `${count} ${it}`).join(", ")}`;
  if (webhook.configured && webhook.lastError !== null) {
    return ["warn", `${text}; ${webhook.waiting} message(s) wait for the alert webhook: ${webhook.lastError}`];
  }
  return [firing.critical > 0 ? "warn" : "ok", text];
}

async function disk({ freeBytes, diskWarnBytes }: HealthDeps): Promise<Finding> {
  const free = await freeBytes();
  const text = `${(Number(free) / 1e9).toFixed(1)} GB free`;
  if (free >= BigInt(diskWarnBytes)) return ["ok", text];
  return ["warn", `${text}, less than PENSTOCK_DISK_WARN (${(diskWarnBytes / 1e9).toFixed(1)} GB): make room soon`];
}
