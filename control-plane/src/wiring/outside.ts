import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { createCheckpointFiles } from "../adapters/checkpoint-files.ts";
import { dataFiles } from "../adapters/data-files.ts";
import { connectDocker, type DockerEngine } from "../adapters/docker/engine.ts";
import { createContainerProcesses } from "../adapters/docker/processes.ts";
import { createDockerRuntime } from "../adapters/docker/runtime.ts";
import { openDuckDb } from "../adapters/duckdb.ts";
import { createFailpoints } from "../adapters/failpoints.ts";
import { createKafkaTopics } from "../adapters/kafka.ts";
import { createKafkaPublisher } from "../adapters/kafka-publisher.ts";
import { lakeFiles } from "../adapters/lake-files.ts";
import { createAlertStore } from "../adapters/postgres/alerts.ts";
import { createAuditLogStore } from "../adapters/postgres/audit.ts";
import { createCatalogStore } from "../adapters/postgres/catalog.ts";
import { createCommitStore } from "../adapters/postgres/commits.ts";
import { openDatabase } from "../adapters/postgres/database.ts";
import { createEventStore } from "../adapters/postgres/events.ts";
import { createGenerationStore } from "../adapters/postgres/generations.ts";
import { createHistory } from "../adapters/postgres/history.ts";
import { createJournal } from "../adapters/postgres/journal.ts";
import { createLaunchStore } from "../adapters/postgres/launches.ts";
import { createLedgerStore } from "../adapters/postgres/ledger.ts";
import { createRequestStore } from "../adapters/postgres/operation-requests.ts";
import { createOperationStore } from "../adapters/postgres/operations.ts";
import { createOverrideStore } from "../adapters/postgres/overrides.ts";
import { createPresenceStore } from "../adapters/postgres/presence.ts";
import { createPublicationStore } from "../adapters/postgres/publications.ts";
import { createReconciliationStore } from "../adapters/postgres/reconciliations.ts";
import { createDiffStore } from "../adapters/postgres/replay-diffs.ts";
import { createRunStore } from "../adapters/postgres/runs.ts";
import { createSpecStore } from "../adapters/postgres/specs.ts";
import { createTokenStore } from "../adapters/postgres/tokens.ts";
import { readTotals } from "../adapters/postgres/totals.ts";
import { createProcesses, unseenProcesses } from "../adapters/processes.ts";
import { createSchemaRegistry } from "../adapters/registry.ts";
import { createSparkMaster } from "../adapters/spark-master.ts";
import { createSqlWorkers } from "../adapters/sql/workers.ts";
import { createSupervisorRuntime } from "../adapters/supervisor.ts";
import { createWebhook } from "../adapters/webhook.ts";
import { createWorkerLogs } from "../adapters/worker-logs.ts";
import type { Config, DriverPlace } from "../config.ts";
import { formatSize } from "../domain/size.ts";
import type { Clock, Processes } from "../services/ports.ts";

/** Everything beyond this process, and the clock. */
export type Outside = Awaited<ReturnType<typeof openOutside>>;

/**
 * Makes the adapters; nothing has to be reachable yet.
 * @param standsBy why another control plane decides, or none; null while this one does
 */
export async function openOutside(config: Config, standsBy: () => string | null, log: FastifyBaseLogger) {
  // The query engine may read below this folder only, so it has to be there.
  await mkdir(config.lakeDir, { recursive: true });
  const database = openDatabase(
    config.databaseUrl,
    (error) => log.warn({ err: error }, "lost a connection to Postgres"),
    standsBy,
  );
  const failpoint = createFailpoints(config.failpointDir);
  const clock = { now: () => new Date() };
  const docker = config.docker === null ? null : connectDocker(config.docker);
  return {
    clock,
    failpoint,
    database,
    catalog: createCatalogStore(database),
    generations: createGenerationStore(database),
    launches: createLaunchStore(database),
    runs: createRunStore(database),
    operations: createOperationStore(database),
    overrides: createOverrideStore(database),
    requests: createRequestStore(database, failpoint),
    presence: createPresenceStore(database),
    events: createEventStore(database),
    ledger: createLedgerStore(database),
    reconciliations: createReconciliationStore(database),
    dataFiles: dataFiles(),
    commits: createCommitStore(database),
    diffs: createDiffStore(database),
    journal: createJournal(database),
    history: createHistory(database),
    specs: createSpecStore(database),
    auditLog: createAuditLogStore(database),
    tokens: createTokenStore(database),
    alertStore: createAlertStore(database),
    webhook: config.alertWebhookUrl === null ? null : createWebhook(config.alertWebhookUrl),
    totals: () => readTotals(database),
    publications: createPublicationStore(database),
    topics: createKafkaTopics(config.kafkaBrokers, config.connections.kafka),
    publisher: createKafkaPublisher(config.kafkaBrokers, config.connections.kafka, failpoint),
    registry: createSchemaRegistry(config.registryUrl, config.connections.registry.login),
    master: createSparkMaster({
      restUrl: config.sparkMasterRestUrl,
      uiUrl: config.sparkMasterUiUrl,
      secret: config.sparkRestSecret,
    }),
    workers: createWorkerLogs(),
    runtime:
      docker === null
        ? createSupervisorRuntime(join(config.stateDir, "run", "supervisor.sock"))
        : createDockerRuntime(docker),
    processes: processesOf(config.drivers, docker, clock, log),
    checkpointFiles: createCheckpointFiles(),
    lake: lakeFiles(),
    engine: await openDuckDb({ folders: [config.lakeDir] }),
    // Of its own: counting all rows takes longer than an answer may, and must not hold one up.
    auditEngine: await openDuckDb({
      folders: [config.lakeDir],
      connections: 1,
      timeoutMs: config.reconciliation.queryTimeoutMs,
      memoryLimit: formatSize(config.reconciliation.memoryBytes),
    }),
    sqlWorkers: createSqlWorkers({
      lakeDir: config.lakeDir,
      workers: config.sql.workers,
      waiting: config.sql.waiting,
      memoryBytes: config.sql.limits.most.memoryBytes,
      // By its state folder the supervisor knows a process that was left over.
      environment: { PENSTOCK_STATE_DIR: config.stateDir },
      log,
    }),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(config.lakeDir, { bigint: true });
      return bavail * bsize;
    },
  };
}

/** What can be seen of the processes of drivers. */
function processesOf(
  drivers: DriverPlace,
  docker: DockerEngine | null,
  clock: Clock,
  log: FastifyBaseLogger,
): Processes {
  if (drivers === "here") return createProcesses();
  return drivers === "containers" && docker !== null ? createContainerProcesses(docker, clock, log) : unseenProcesses;
}
