/**
 * Which Spark settings an application may carry beside those that Penstock sets. Whatever would change what a
 * checkpoint or a table means, take the application away from its runner, or show a secret is refused, with the reason.
 */

const BY_PENSTOCK = "is set by Penstock itself";
const STATE = "what a checkpoint holds depends on it: it cannot be changed";
const SECRETS = "the Spark master shows settings to everyone who can reach it: no secret may stand there";
const CODE = "it would load other code into the application";
const RESOURCES =
  "executors are sized by `cores` and `executorMemory` alone, or the figures of what fits would not hold";

/** Names and prefixes (ending in `.`), the first that fits decides. */
const REFUSED: ReadonlyArray<readonly [name: string, why: string]> = [
  ["spark.driver.memory", "use `driverMemory`"],
  ["spark.executor.memory", "use `executorMemory`"],
  ["spark.cores.max", "use `cores`"],
  ["spark.sql.shuffle.partitions", "use `shufflePartitions`"],
  ["spark.executor.cores", RESOURCES],
  ["spark.executor.instances", RESOURCES],
  ["spark.executor.memoryOverhead", RESOURCES],
  ["spark.executor.resource.", RESOURCES],
  ["spark.task.resource.", RESOURCES],
  ["spark.memory.offHeap.", RESOURCES],
  ["spark.dynamicAllocation.", RESOURCES],
  ["spark.sql.streaming.stateStore.", STATE],
  ["spark.sql.streaming.statefulOperator.", STATE],
  ["spark.sql.streaming.multipleWatermarkPolicy", STATE],
  ["spark.sql.streaming.checkpointLocation", STATE],
  ["spark.sql.streaming.checkpointFileManagerClass", BY_PENSTOCK],
  ["spark.sql.streaming.checkpoint.", BY_PENSTOCK],
  ["spark.sql.streaming.internal.", STATE],
  ["spark.sql.streaming.noDataMicroBatches.enabled", BY_PENSTOCK],
  ["spark.sql.streaming.noDataProgressEventInterval", BY_PENSTOCK],
  ["spark.sql.streaming.pollingDelay", BY_PENSTOCK],
  ["spark.sql.streaming.numRecentProgressUpdates", BY_PENSTOCK],
  ["spark.sql.streaming.stopTimeout", BY_PENSTOCK],
  ["spark.sql.streaming.minBatchesToRetain", "stopping, housekeeping and replays read the batches that Spark keeps"],
  ["spark.sql.streaming.streamingQueryListeners", CODE],
  ["spark.sql.queryExecutionListeners", CODE],
  ["spark.sql.extensions", BY_PENSTOCK],
  ["spark.sql.catalog.", BY_PENSTOCK],
  ["spark.sql.warehouse.dir", BY_PENSTOCK],
  ["spark.sql.session.timeZone", BY_PENSTOCK],
  ["spark.sql.ansi.enabled", "what becomes of a record depends on it"],
  ["spark.sql.legacy.", "what becomes of a record depends on it"],
  ["spark.sql.parquet.outputTimestampType", BY_PENSTOCK],
  ["spark.sql.adaptive.enabled", BY_PENSTOCK],
  ["spark.sql.sources.parallelPartitionDiscovery.parallelism", BY_PENSTOCK],
  ["spark.sql.ui.explainMode", BY_PENSTOCK],
  ["spark.sql.ui.retainedExecutions", BY_PENSTOCK],
  ["spark.ui.", BY_PENSTOCK],
  ["spark.scheduler.", BY_PENSTOCK],
  ["spark.databricks.delta.", "Delta is set up by Penstock: what a commit holds and what may be deleted depends on it"],
  ["spark.delta.", BY_PENSTOCK],
  ["spark.hadoop.", "files and their credentials are Penstock's"],
  ["spark.driver.", BY_PENSTOCK],
  ["spark.executor.extraJavaOptions", BY_PENSTOCK],
  ["spark.executor.defaultJavaOptions", BY_PENSTOCK],
  ["spark.executor.extraClassPath", BY_PENSTOCK],
  ["spark.executor.extraLibraryPath", CODE],
  ["spark.executor.userClassPathFirst", CODE],
  ["spark.executor.plugins", CODE],
  ["spark.executorEnv.", BY_PENSTOCK],
  ["spark.app.", BY_PENSTOCK],
  ["spark.master", BY_PENSTOCK],
  ["spark.master.", BY_PENSTOCK],
  ["spark.submit.", BY_PENSTOCK],
  ["spark.deploy.", BY_PENSTOCK],
  ["spark.worker.", BY_PENSTOCK],
  ["spark.pyspark.", BY_PENSTOCK],
  ["spark.python.", CODE],
  ["spark.jars", CODE],
  ["spark.jars.", CODE],
  ["spark.files", CODE],
  ["spark.archives", CODE],
  ["spark.plugins", CODE],
  ["spark.extraListeners", CODE],
  ["spark.serializer", CODE],
  ["spark.closure.serializer", CODE],
  ["spark.kryo.", CODE],
  ["spark.shuffle.manager", CODE],
  ["spark.shuffle.sort.io.plugin.class", CODE],
  ["spark.metrics.", CODE],
  ["spark.authenticate", SECRETS],
  ["spark.authenticate.", SECRETS],
  ["spark.network.crypto.", SECRETS],
  ["spark.ssl.", SECRETS],
  ["spark.acls.", BY_PENSTOCK],
  ["spark.redaction.", SECRETS],
  ["spark.kafka.", SECRETS],
  ["spark.security.", SECRETS],
  ["spark.kerberos.", SECRETS],
];

const NAME = /^spark(\.[A-Za-z0-9_-]+)+$/;
const SECRET_NAME = /passw|secret|token|credential|private.?key|access.?key|jaas/i;
const SECRET_VALUE = /passw(or)?d\s*=|secret\s*=|token\s*=|-----BEGIN |:\/\/[^/\s:@]+:[^/\s@]+@/i;

/** Why a setting is refused, as what was expected instead; null when it may be given. */
export function refusalOf(name: string, value: string): string | null {
  if (!NAME.test(name)) return "the name of a Spark setting, such as spark.sql.files.maxPartitionBytes";
  if (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) return `no such setting: ${SECRETS}`;
  const lower = name.toLowerCase();
  const found = REFUSED.find(([refused]) => {
    const other = refused.toLowerCase();
    return other.endsWith(".") ? lower.startsWith(other) : lower === other;
  });
  if (found === undefined) return null;
  return `no such setting: ${found[1] === BY_PENSTOCK ? `it ${BY_PENSTOCK}` : found[1]}`;
}
