/** Why a setting may not be given, as half a sentence. */
export type Refusal = string;

const BY_PENSTOCK: Refusal = "it is set by Penstock itself";
const STATE: Refusal = "what a checkpoint holds depends on it: it cannot be changed";
const SECRETS: Refusal = "it belongs to secrets, and the Spark master shows settings to everyone who can reach it";
const CODE: Refusal = "it would load other code into the application";
const RECORDS: Refusal = "what becomes of a record depends on it, or whether it is read at all";
const COMMITS: Refusal = "whether each row is written exactly once depends on it";
const RESOURCES: Refusal =
  "executors are sized by `cores` and `executorMemory` alone, or the figures of what fits would not hold";

/**
 * For names that people do ask for: which reason there is. Names, and prefixes that end in a dot; the first that fits
 * decides. This decides nothing: what is not allowed is refused without standing here.
 */
export const REFUSALS: ReadonlyArray<readonly [name: string, why: Refusal]> = [
  ["spark.driver.memory", "use `driverMemory`"],
  ["spark.executor.memory", "use `executorMemory`"],
  ["spark.cores.max", "use `cores`"],
  ["spark.sql.shuffle.partitions", "use `shufflePartitions`"],
  ["spark.executor.cores", RESOURCES],
  ["spark.executor.instances", RESOURCES],
  ["spark.executor.memoryOverhead", RESOURCES],
  ["spark.executor.resource.", RESOURCES],
  ["spark.task.cpus", RESOURCES],
  ["spark.task.resource.", RESOURCES],
  ["spark.memory.offHeap.", RESOURCES],
  ["spark.dynamicAllocation.", RESOURCES],
  ["spark.local.dir", "files and where they lie are Penstock's"],
  ["spark.hadoop.", "files and where they lie are Penstock's"],
  ["spark.speculation", COMMITS],
  ["spark.speculation.", COMMITS],
  ["spark.sql.sources.commitProtocolClass", COMMITS],
  ["spark.sql.sources.outputCommitterClass", COMMITS],
  ["spark.sql.parquet.output.committer.class", COMMITS],
  ["spark.sql.files.ignoreMissingFiles", RECORDS],
  ["spark.sql.files.ignoreCorruptFiles", RECORDS],
  ["spark.files.ignoreMissingFiles", RECORDS],
  ["spark.files.ignoreCorruptFiles", RECORDS],
  ["spark.sql.ansi.enabled", RECORDS],
  ["spark.sql.caseSensitive", RECORDS],
  ["spark.sql.legacy.", RECORDS],
  ["spark.sql.streaming.stateStore.", STATE],
  ["spark.sql.streaming.statefulOperator.", STATE],
  ["spark.sql.streaming.multipleWatermarkPolicy", STATE],
  ["spark.sql.streaming.minBatchesToRetain", "stopping, housekeeping and replays read the batches that Spark keeps"],
  ["spark.sql.streaming.streamingQueryListeners", CODE],
  ["spark.sql.streaming.", BY_PENSTOCK],
  ["spark.sql.queryExecutionListeners", CODE],
  ["spark.sql.extensions", BY_PENSTOCK],
  ["spark.sql.catalog.", BY_PENSTOCK],
  ["spark.sql.warehouse.dir", BY_PENSTOCK],
  ["spark.sql.session.timeZone", BY_PENSTOCK],
  ["spark.sql.parquet.outputTimestampType", BY_PENSTOCK],
  ["spark.sql.adaptive.", BY_PENSTOCK],
  ["spark.ui.", BY_PENSTOCK],
  ["spark.sql.ui.", BY_PENSTOCK],
  ["spark.scheduler.", BY_PENSTOCK],
  ["spark.databricks.delta.", "Delta is set up by Penstock: what a commit holds and what may be deleted depends on it"],
  ["spark.delta.", BY_PENSTOCK],
  ["spark.driver.", BY_PENSTOCK],
  ["spark.executor.extraLibraryPath", CODE],
  ["spark.executor.userClassPathFirst", CODE],
  ["spark.executor.plugins", CODE],
  ["spark.executor.", BY_PENSTOCK],
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
  ["spark.eventLog.", "files and where they lie are Penstock's"],
  ["spark.authenticate", SECRETS],
  ["spark.authenticate.", SECRETS],
  ["spark.network.crypto.", SECRETS],
  ["spark.ssl.", SECRETS],
  ["spark.acls.", SECRETS],
  ["spark.redaction.", SECRETS],
  ["spark.kafka.", SECRETS],
  ["spark.security.", SECRETS],
  ["spark.kerberos.", SECRETS],
];

/** The reason that is known for a name; undefined where none is. */
export function reasonAgainst(name: string): Refusal | undefined {
  const lower = name.toLowerCase();
  return REFUSALS.find(([refused]) => {
    const other = refused.toLowerCase();
    return other.endsWith(".") ? lower.startsWith(other) : lower === other;
  })?.[1];
}
