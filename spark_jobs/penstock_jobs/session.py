"""The Spark session of the runner and of the tests: one list of settings, measured to matter (docs/decisions)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark import SparkConf
from pyspark.sql import SparkSession

# One hostile record of five bytes (a string of 2 GB, says its length; an array of 500 million items, says its count)
# would otherwise end the JVM by OutOfMemoryError (seen with such an array and a heap of 800 MB): room is made for all
# of it before anything is read.
_AVRO_LIMITS = (
    "-Dorg.apache.avro.limits.string.maxLength=10485760 -Dorg.apache.avro.limits.bytes.maxLength=10485760"
    " -Dorg.apache.avro.limits.collectionItems.maxLength=1000000"
)

# At Spark's own level, INFO, a driver of four jobs writes 10 GB a day. (A submission's driver: `spark-settings.ts`.)
_LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').resolve().as_uri()}"

# What a submission sets itself (memory, cores, class path: the control plane's `spark-settings.ts`) wins over these.
SETTINGS: dict[str, str] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.scheduler.mode": "FAIR",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    # An empty batch would commit to every table down the chain.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # So that an idle query is seen to be alive every second and not every ten.
    "spark.sql.streaming.noDataProgressEventInterval": "1000",
    # An idle query with trigger 0 asks its source this often, and Delta's source lists the whole log each time; the
    # default of 10 ms keeps a core busy.
    "spark.sql.streaming.pollingDelay": "100ms",
    # The text of each plan, which nobody reads here, in its short form.
    "spark.sql.ui.explainMode": "simple",
    # History is kept by the control plane, not on the small heap of a driver; nor are plans and a web page's data.
    "spark.sql.streaming.numRecentProgressUpdates": "20",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.ui.enabled": "false",
    # What of a plan's options is not printed: Spark's own words, and those under which Kafka's secrets stand.
    "spark.redaction.regex": "(?i)secret|password|passphrase|token|access[.]?key|jaas|keystore",
    # A streaming plan holds them once more, as a map that only this finds in what is explained.
    "spark.redaction.string.regex": r'password="[^"\\]*(?:\\.[^"\\]*)*"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*',
    # Fixed cost per batch: planning, statistics and snapshot computation dominate small batches.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    "spark.databricks.delta.stats.collect": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.streaming.stopTimeout": "30s",
    # Hadoop's own local file system starts a `chmod` for each file it makes and a `readlink` for each rename that goes
    # through its FileContext: a quarter of a driver's time.
    "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    # One more file per commit in a folder that every reader lists for every batch.
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
    # A commit without files may carry a risen low watermark.
    "spark.databricks.delta.skipRecordingEmptyCommits": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # VACUUM and file listings split into this many tasks; the default of 10,000 is a minute of two cores for nothing.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.executor.extraJavaOptions": f"-XX:+UseSerialGC {_AVRO_LIMITS} {_LOGGING}",
}


def runner_session() -> SparkSession:
    """The session of a submitted driver. Its application name is left alone: the master sets the driver's id there."""
    conf = SparkConf()
    for name, value in SETTINGS.items():
        conf.setIfMissing(name, value)
    return _without_checksum_files(SparkSession.builder.config(conf=conf).getOrCreate())


def ensure_pool(spark: SparkSession, name: str, weight: int) -> None:
    """Make a pool of the fair scheduler with this weight, unless there is one. Spark itself would take weight 1."""
    jvm = spark._jvm
    assert jvm is not None
    root = spark.sparkContext._jsc.sc().taskScheduler().rootPool()
    if root.getSchedulableByName(name) is None:
        scheduler = jvm.org.apache.spark.scheduler
        root.addSchedulable(scheduler.Pool(name, scheduler.SchedulingMode.FIFO(), 0, weight))


def local_session(jars_dir: Path, warehouse: Path, cores: int = 2) -> SparkSession:
    """A session in this process with the settings of the runner.

    `jars_dir` holds the connector jars (Delta, Kafka, Avro); `warehouse` takes what Spark writes by itself.
    """
    jars = sorted(str(jar) for jar in jars_dir.glob("*.jar"))
    if not jars:
        raise FileNotFoundError(f"{jars_dir} holds no jars; expected the connector jars of Delta, Kafka and Avro")
    builder = (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("penstock-local")
        .config("spark.driver.extraClassPath", ":".join(jars))
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.warehouse.dir", str(warehouse))
        # Many different plans in one process: the default, 100, throws away classes that the next query compiles anew.
        .config("spark.sql.codegen.cache.maxEntries", "1000")
        # Short runs: the second compiler would cost more than it saves. Without it the JVM sets only 48 MB aside for
        # compiled code, which the plans of two hundred queries fill: then it dies. The collector is that of executors,
        # with room from the start for what lives no longer than a query, and for Spark's many classes.
        .config(
            "spark.driver.extraJavaOptions",
            f"-Dderby.system.home={warehouse} -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
            f" -XX:+UseSerialGC -Xms1g -Xmn512m -XX:MetaspaceSize=256m {_AVRO_LIMITS} {_LOGGING}",
        )
    )
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return _without_checksum_files(builder.getOrCreate())


def _without_checksum_files(spark: SparkSession) -> SparkSession:
    """What this process writes gets no `.crc` file beside it: they double the logs, listed for every batch."""
    jvm: Any = spark._jvm
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    jvm.org.apache.hadoop.fs.FileSystem.getLocal(hadoop).setWriteChecksum(False)
    return spark
