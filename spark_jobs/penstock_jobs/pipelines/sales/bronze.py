"""Bronze: every Kafka record exactly once, as it came."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from penstock_jobs.credentials import kafka_settings
from penstock_jobs.job import Job, JobContext, JobRefused
from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.offsets import Checkpoint, kafka_vector
from penstock_jobs.pipelines.kafka_start import beginning, starting_offsets
from penstock_jobs.pipelines.kafka_topic import Topic, TopicState, refuse_lost_records, refuse_other_topic
from penstock_jobs.pipelines.sales.low_watermark import low_watermark, still_matters
from penstock_jobs.pipelines.sales.schemas import BRONZE
from penstock_jobs.tables import OutputTable

_PATIENCE_MS = "10000"


class BronzeJob(Job):
    """Kafka → bronze.sales_events, with the low watermark of each batch in its rows."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(context)
        spec = context.assignment.spec
        self._topic: str = spec["kafka"]["topic"]
        self._brokers: str = spec["kafka"]["brokers"]
        self._checkpoint = Checkpoint(spec["checkpoint"])
        self._table = OutputTable(context, BRONZE)
        self._access = kafka_settings()
        self._kafka = Topic(context.spark, self._brokers, self._topic, self._access)
        self._topic_id: str | None = None
        self._quiet_since = time.monotonic()

    def prepare(self) -> None:
        self._table.open(self._checkpoint, begins=self._beginning())
        self.diagnose()
        self._refuse_plan_of_another_topic()

    def _beginning(self) -> Mapping[str, Mapping[str, str]] | None:
        """Where a table that is still to be made begins; None for one that is there, or that holds all from the first.

        The table's first entry keeps it: what the topic has forgotten later does not move it.
        """
        start = self.context.assignment.spec.get("start")
        if not start or self._table.ledger.newest_version() is not None:
            return None
        ends = self._kafka.ask().ends
        return {self._topic: beginning(self._topic, start["offsets"], self._kafka.starts(), ends)}

    def diagnose(self) -> None:
        """Raise JobRefused when the topic is not the one that was read, or has lost what was not read yet."""
        self._ask()
        refuse_lost_records(self._topic, self._through(), self._kafka.starts())

    def source(self) -> DataFrame:
        spec = self.context.assignment.spec
        begins = self._through() if self._checkpoint.planned() is None else {}
        limit = str(spec["limits"].get("maxOffsetsPerTrigger", 200_000))
        records = (
            self.context.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self._brokers)
            # Secrets among them: `session.py` keeps them out of what Spark prints of a plan.
            .options(**{f"kafka.{name}": value for name, value in self._access.items()})
            .option("subscribe", self._topic)
            .option("startingOffsets", starting_offsets(self._topic, begins))
            .option("failOnDataLoss", "true")
            .option("maxOffsetsPerTrigger", limit)
            .option("includeHeaders", "true")
            # The default long poll delays every small batch by 200 ms.
            .option("kafka.fetch.max.wait.ms", "10")
            # A task that waits for Kafka holds a core of the executor, which the other jobs need. By default it does so
            # for two minutes, and for one more to ask where the topic begins and ends.
            .options(**{f"kafka.{name}": _PATIENCE_MS for name in ("request.timeout.ms", "default.api.timeout.ms")})
            .option("kafkaConsumer.pollTimeoutMs", _PATIENCE_MS)
            .options(**{name: str(value) for name, value in spec.get("options", {}).items()})
            .load()
        )
        return bronze_rows(records)

    def process(self, batch: DataFrame, batch_id: int) -> None:
        self._quiet_since = time.monotonic()
        if batch_id <= self._table.last_batch:
            self._table.report_again(batch_id)
            return
        rows = batch.persist()
        try:
            read = rows.groupBy("partition").agg(
                sf.count("*").alias("records"), sf.unix_micros(sf.max_by("kafka_timestamp", "offset")).alias("last")
            )
            partitions = read.collect()
            count = sum(row.records for row in partitions)
            entry = self._entry(batch_id, count, {str(row.partition): row.last for row in partitions})
            mark = sf.timestamp_micros(sf.lit(entry.low_watermark))
            self._table.append(rows.withColumn("low_watermark", mark), entry, count)
        finally:
            rows.unpersist()

    def idle(self) -> None:
        """Commit a tick: all is read, nothing more came, and windows may still be open."""
        position = self._position()
        # As they are now: a generation that reads this table may have come, with other times.
        parameters = self.context.spec_now()["parameters"]
        low, last = position.low_watermark or 0, position.last_timestamps or {}
        quiet_ms = (time.monotonic() - self._quiet_since) * 1000
        if quiet_ms < parameters["idleTickMs"] or not still_matters(low, last, parameters):
            return
        asked_at = time.time_ns() // 1000
        ends = self._ask().ends
        through = self._through()
        self._quiet_since = time.monotonic()
        if any(int(through.get(partition, "0")) < end for partition, end in ends.items()):
            return
        risen = low_watermark(low, asked_at, parameters["clockMarginMs"] * 1000, ends, through, last)
        if risen > low:
            self._table.append_nothing(position.tick(risen, self.context.assignment.epoch))

    def _position(self) -> LedgerEntry:
        return self._table.last or self._table.new_entry("create")

    def _through(self) -> Mapping[str, str]:
        return self._position().through.get(self._topic, {})

    def _ask(self) -> TopicState:
        """The topic's end offsets. Raises JobRefused when it is not the topic that this job has been reading.

        To be asked after a batch's records have been read: then they are of the topic that answers.
        """
        state = self._kafka.ask()
        refuse_other_topic(self._topic, self._topic_id or self._position().topic_id, self._through(), state)
        self._topic_id = state.topic_id
        return state

    def _refuse_plan_of_another_topic(self) -> None:
        """Raise JobRefused when the next batch was planned while the topic was another: it ends before it begins."""
        batch = self._checkpoint.planned()
        if batch is None or batch <= self._table.last_batch:
            return
        planned = kafka_vector(self._checkpoint.batch_range(batch).end).get(self._topic, {})
        through = self._through()
        if any(int(planned.get(partition, "0")) < int(end) for partition, end in through.items()):
            raise JobRefused(
                f"{self._checkpoint.path}/offsets/{batch} plans a batch up to {dict(planned)}, but bronze holds all up"
                f" to {dict(through)}: it was planned while the topic {self._topic} was another. Nothing of that batch"
                " was written. Way out: move this one file away; the batch is then planned anew"
            )

    def _entry(self, batch_id: int, count: int, last_read: dict[str, int]) -> LedgerEntry:
        before = self._position()
        covered = self._checkpoint.batch_range(batch_id)
        vector = kafka_vector(covered.end)
        through = vector[self._topic]
        last = {**(before.last_timestamps or {}), **last_read}
        margin = self.context.assignment.spec["parameters"]["clockMarginMs"] * 1000
        # The moment before asking: what comes while the answer is under way is younger.
        asked_at = time.time_ns() // 1000
        state = self._ask()
        rows = {"appended": count}
        # Of the first batch it is known only where a beginning was asked for.
        start = (
            before.through.get(self._topic)
            if covered.start is None
            else kafka_vector(covered.start).get(self._topic, {})
        )
        if start:
            gaps = sum(int(end) - int(start.get(partition, "0")) for partition, end in through.items()) - count
            rows |= {"gaps": gaps} if gaps else {}
        return self._table.new_entry(
            "batch",
            batch=batch_id,
            source_from=covered.start,
            source_to=covered.end,
            through=vector,
            low_watermark=low_watermark(before.low_watermark or 0, asked_at, margin, state.ends, through, last),
            rows_in=count,
            rows=rows,
            last_timestamps=last,
            topic_id=state.topic_id,
        )


def bronze_rows(records: DataFrame) -> DataFrame:
    """Bronze's columns, but for the low watermark, of records as Spark's Kafka source gives them."""
    return records.select(
        "topic",
        "partition",
        "offset",
        sf.col("timestamp").alias("kafka_timestamp"),
        "key",
        "headers",
        "value",
        schema_id_of(sf.col("value")).alias("schema_id"),
    )


def schema_id_of(value: Column) -> Column:
    """The signed big-endian number in bytes 2 to 5, or null when the bytes do not begin with 0 and a whole number."""
    unsigned = sf.conv(sf.hex(sf.substring(value, 2, 4)), 16, 10).cast("bigint")
    signed = sf.when(unsigned >= 2**31, unsigned - 2**32).otherwise(unsigned).cast("int")
    framed = (sf.length(value) >= 5) & (sf.substring(value, 1, 1) == sf.lit(b"\x00"))
    return sf.when(framed, signed)
