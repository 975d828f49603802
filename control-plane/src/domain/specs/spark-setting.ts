import { type Refusal, reasonAgainst } from "./spark-setting-refusals.ts";

/**
 * Which Spark settings an application may carry beside those that Penstock sets: a list of what is known to be harmless
 * and useful. Spark has some thousand settings and gets new ones with each version; which of them let records vanish,
 * make a checkpoint useless or load foreign code cannot be said of all.
 */
export interface AllowedSetting {
  /** what it is for, as a sentence */
  use: string;
  value: keyof typeof VALUES;
}

/** What values look like: all of these let Spark start. */
export const VALUES = {
  size: { pattern: /^[1-9]\d{0,2}[km]$/, expected: "a size from 1k to 999m, such as 64m" },
  "size or never": { pattern: /^(-1|[1-9]\d{0,2}[km])$/, expected: "a size from 1k to 999m, or -1 for never" },
  duration: { pattern: /^\d{1,5}(ms|s|m|min|h)$/, expected: "a duration such as 300ms or 2min" },
  // Executors say every 10 s that they live, and Spark does not start with less patience than that.
  patience: {
    pattern: /^([3-9]\d|\d{3,5})s$|^[1-9]\d{0,2}(m|min)$/,
    expected: "a duration of at least 30s, such as 2min",
  },
  share: { pattern: /^0\.[1-9]\d?$/, expected: "a share between 0.1 and 0.99" },
  count: { pattern: /^[1-9]\d{0,5}$/, expected: "a whole number of at least 1" },
  mebibytes: { pattern: /^([1-9]\d{0,2}|1\d{3}|20[0-3]\d|204[0-7])$/, expected: "MiB as a whole number, 1 to 2047" },
  level: { pattern: /^([1-9]|1\d|2[0-2])$/, expected: "a level from 1 to 22" },
  switch: { pattern: /^(true|false)$/, expected: "true or false" },
  codec: { pattern: /^(lz4|snappy|zstd)$/, expected: "lz4, snappy or zstd" },
  "file codec": { pattern: /^(snappy|zstd|gzip|uncompressed)$/, expected: "snappy, zstd, gzip or uncompressed" },
} as const;

/** Every setting that may be given, with what it is for; docs/spark-settings.md is written from this. */
export const ALLOWED_SETTINGS: Readonly<Record<string, AllowedSetting>> = {
  "spark.broadcast.blockSize": { value: "size", use: "Pieces in which a broadcast reaches the executors" },
  "spark.broadcast.compress": { value: "switch", use: "Less network for more processor, in broadcasts" },
  "spark.cleaner.periodicGC.interval": { value: "duration", use: "How often a driver that lives for weeks tidies up" },
  "spark.io.compression.codec": { value: "codec", use: "Of what executors pass on to each other" },
  "spark.io.compression.zstd.level": { value: "level", use: "Smaller or sooner, with the codec zstd" },
  "spark.locality.wait": {
    value: "duration",
    use: "How long a task waits for the executor that has its data; 0s on one machine",
  },
  "spark.memory.fraction": { value: "share", use: "Share of the heap that Spark works with" },
  "spark.memory.storageFraction": { value: "share", use: "Share of that which cached rows keep under pressure" },
  "spark.network.timeout": { value: "patience", use: "After which silence an executor is lost, on a slow network" },
  "spark.rdd.compress": { value: "switch", use: "Less memory for more processor, for cached rows" },
  "spark.reducer.maxSizeInFlight": { value: "size", use: "What a task fetches at once from other executors" },
  "spark.rpc.askTimeout": { value: "patience", use: "How long parts of Spark wait for each other's answer" },
  "spark.rpc.message.maxSize": { value: "mebibytes", use: "For plans with very many tasks" },
  "spark.shuffle.compress": { value: "switch", use: "Less disk and network for more processor, in shuffles" },
  "spark.shuffle.file.buffer": { value: "size", use: "Memory of each shuffle file that is written" },
  "spark.shuffle.io.maxRetries": { value: "count", use: "How often a fetch from another executor is tried" },
  "spark.shuffle.io.retryWait": { value: "duration", use: "The wait between two of these" },
  "spark.shuffle.spill.compress": { value: "switch", use: "Less disk for more processor, when memory is short" },
  "spark.sql.autoBroadcastJoinThreshold": {
    value: "size or never",
    use: "Up to which size a table is sent to every executor for a join",
  },
  "spark.sql.files.maxPartitionBytes": { value: "size", use: "How much one task reads of files" },
  "spark.sql.files.openCostInBytes": { value: "size", use: "How many small files one task reads" },
  "spark.sql.inMemoryColumnarStorage.batchSize": { value: "count", use: "Rows that are cached together" },
  "spark.sql.parquet.compression.codec": {
    value: "file codec",
    use: "Of the tables' files; every reader here knows these",
  },
  "spark.sql.streaming.metricsEnabled": { value: "switch", use: "Figures of queries for Spark's own metrics" },
  "spark.task.maxFailures": { value: "count", use: "How often a task may fail before its batch does" },
};

const NAME = /^spark(\.[A-Za-z0-9_-]+)+$/;
const SECRET_NAME = /passw|secret|token|credential|private.?key|access.?key|jaas/i;
const SECRET_VALUE = /passw(or)?d\s*=|secret\s*=|token\s*=|-----BEGIN |:\/\/[^/\s:@]+:[^/\s@]+@/i;
const SECRETS: Refusal = "the Spark master shows settings to everyone who can reach it: no secret may stand there";
const SEE = "docs/spark-settings.md lists those that may be given";

/** Why a setting is refused, as what was expected instead; null when it may be given. */
export function refusalOf(name: string, value: string): string | null {
  if (!NAME.test(name)) return "the name of a Spark setting, such as spark.sql.files.maxPartitionBytes";
  if (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) return `no such setting: ${SECRETS}`;
  const allowed = Object.hasOwn(ALLOWED_SETTINGS, name) ? ALLOWED_SETTINGS[name] : undefined;
  if (allowed === undefined) return `no such setting: ${whyNot(name)}; ${SEE}`;
  const { pattern, expected } = VALUES[allowed.value];
  return pattern.test(value) ? null : expected;
}

function whyNot(name: string): string {
  const meant = Object.keys(ALLOWED_SETTINGS).find((known) => known.toLowerCase() === name.toLowerCase());
  if (meant !== undefined) return `Spark tells capitals from small letters, and knows it as ${meant}`;
  return reasonAgainst(name) ?? "it is not among those of which it is known that they can hurt nothing";
}
