"""Gold: revenue by window, plan tier, region and currency."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from penstock_jobs.job import Job, JobContext
from penstock_jobs.offsets import Checkpoint
from penstock_jobs.pipelines.sales.bounded_rules import longest_lateness
from penstock_jobs.pipelines.sales.finality import KEY, final_rows, final_through, unsettled_windows
from penstock_jobs.pipelines.sales.schemas import REVENUE, SILVER, UPDATES
from penstock_jobs.pipelines.upstream import Upstream
from penstock_jobs.tables import OutputTable


class GoldJob(Job):
    """Accepted rows of silver → partial sums per batch, and the sums of windows that are final."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(context)
        spec = context.assignment.spec
        self._window: int = spec["parameters"]["windowMs"] * 1000
        self._checkpoint = Checkpoint(spec["checkpoint"])
        self._upstream = Upstream(context, SILVER.name, self._checkpoint)
        self._updates = OutputTable(context, UPDATES)
        self._revenue = OutputTable(context, REVENUE)
        self._unsettled: set[int] | None = None
        """Ends of the windows with updates that no final row sums up yet; None while the tables were not asked."""

    def prepare(self) -> None:
        self._upstream.require()
        self._updates.open(self._checkpoint)
        self._upstream.open(self._updates.last)
        self._revenue.open(None)
        self._unsettled = None if self._updates.last_batch >= 0 else set()

    def source(self) -> DataFrame:
        return partial_sums(self._upstream.stream().where("outcome = 'accepted'"), self._window)

    def process(self, batch: DataFrame, batch_id: int) -> None:
        if batch_id <= self._updates.last_batch:
            self._updates.report_again(batch_id)
        else:
            self._append(batch, batch_id)
        self._finalise()

    def idle(self) -> None:
        """A crash can come between the commit of a batch and that of the windows it made final."""
        self._upstream.idle()
        self._finalise()

    def _append(self, batch: DataFrame, batch_id: int) -> None:
        covered = self._checkpoint.batch_range(batch_id)
        before = self._upstream.entry_before(covered)
        sums = batch.groupBy(*KEY).agg(
            sf.sum("amount").cast("decimal(38,2)").alias("revenue"), sf.count("*").alias("event_count")
        )
        rows = sums.persist()
        try:
            counts = rows.agg(
                sf.coalesce(sf.sum("event_count"), sf.lit(0)).alias("records"),
                sf.count("*").alias("sums"),
                sf.collect_set(sf.unix_micros("window_end")).alias("windows"),
            ).collect()[0]
            entry = self._updates.new_entry(
                "batch",
                batch=batch_id,
                source_from=covered.start,
                source_to=covered.end,
                through=before.through,
                low_watermark=before.low_watermark,
                rows_in=counts.records,
                rows={"accepted": counts.records, "sums": counts.sums},
            )
            if counts.sums == 0:
                self._updates.append_nothing(entry)
            else:
                self._updates.append(rows.withColumn("batch_id", sf.lit(batch_id).cast("bigint")), entry, counts.sums)
            if self._unsettled is not None:
                self._unsettled |= set(counts.windows)
        finally:
            rows.unpersist()

    def _finalise(self) -> None:
        """Sum up the windows that the low watermark has passed, in one commit."""
        position, before = self._updates.last, self._revenue.last
        if position is None or position.low_watermark is None:
            return
        lateness = longest_lateness(self.context.assignment.spec, position.through)
        reached = final_through(position.low_watermark, lateness, self._window)
        final_before = before.final_through if before else None
        through_batch = before.through_batch if before else None
        if self._unsettled is None:
            # Not in `prepare`: it takes a second, in which the job could be reading already.
            self._unsettled = unsettled_windows(self._read(self._updates), final_before, through_batch)
        ready = {end for end in self._unsettled if end <= reached}
        if not ready:
            return
        rows = final_rows(
            self._read(self._updates), self._read(self._revenue), ready, self._window, final_before, through_batch
        )
        # Which commit a row came with, for those who send the rows on: clocks can step back, batches only rise.
        rows = rows.withColumn("batch_id", sf.lit(position.batch).cast("bigint")).persist()
        try:
            count = rows.count()
            entry = self._revenue.new_entry(
                "final",
                batch=position.batch,
                through=position.through,
                low_watermark=position.low_watermark,
                rows_in=count,
                rows={"final": count},
                final_through=reached,
                through_batch=position.batch,
                updates_version=self._updates.version,
            )
            self._revenue.append(rows, entry, count)
        finally:
            rows.unpersist()
        self._unsettled -= ready

    def _read(self, table: OutputTable) -> DataFrame:
        return self.context.spark.read.format("delta").load(table.path)


def partial_sums(accepted: DataFrame, window: int) -> DataFrame:
    """The key of each accepted row's window (a grid from 1970 on, in UTC; `window` in microseconds) and its amount."""
    micros = sf.unix_micros("event_time")
    start = micros - sf.pmod(micros, sf.lit(window))
    return accepted.select(
        sf.to_date(sf.timestamp_micros(start)).alias("window_date"),
        sf.timestamp_micros(start).alias("window_start"),
        sf.timestamp_micros(start + window).alias("window_end"),
        "plan_tier",
        "region",
        "currency",
        "amount",
    )
