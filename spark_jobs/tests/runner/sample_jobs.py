"""Real jobs for the tests of the host: they read a rate or a Delta source and append to a Delta table."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.job import Assignment, Job, JobContext, RestartQuery, WaitingFor
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob

TABLE = "out.rows"


def assignment(folder: Path, epoch: int = 1, **spec: Any) -> Assignment:
    """An assignment of `test.job` that writes below this folder."""
    return Assignment("test.job", 1, epoch, spec_of(folder, **spec))


def spec_of(folder: Path, **more: Any) -> dict[str, Any]:
    """A spec as sync brings it."""
    return {
        "pipeline": "test",
        "kind": "rate",
        "triggerMs": 0,
        "limits": {},
        "tables": {TABLE: str(folder / "table")},
        "reads": [],
        "writes": [TABLE],
        "readers": {},
        "harvested": {},
        "checkpoint": str(folder / "checkpoint"),
        "housekeeping": {
            "checkpointInterval": 10,
            "logRetentionMs": 7_200_000,
            "optimizeAfter": 20,
            "fileRetentionMs": 172_800_000,
            "vacuumEveryMs": 21_600_000,
        },
        **more,
    }


class RateJob(Job):
    """Appends rows of a rate source, each batch with its ledger entry."""

    def prepare(self) -> None:
        self.ticks = 0

    def source(self) -> DataFrame:
        return self.context.spark.readStream.format("rate").option("rowsPerSecond", "50").load()

    def process(self, batch: DataFrame, batch_id: int) -> None:
        self.context.fence.check()
        entry = {"batch": batch_id, "through": {"rate": {"0": str(batch_id + 1)}}}
        path = self.context.assignment.spec["tables"][TABLE]
        batch.coalesce(1).write.format("delta").mode("append").option("userMetadata", json.dumps(entry)).save(path)
        version = max(int(name.stem) for name in Path(path, "_delta_log").glob("*.json"))
        self.context.reporter.report("batch", {**entry, "table": TABLE, "version": version})

    def idle(self) -> None:
        self.ticks += 1


class DeltaJob(RateJob):
    """Reads a Delta table, so that it is idle when nothing is written there."""

    def source(self) -> DataFrame:
        path = self.context.assignment.spec["source"]
        return self.context.spark.readStream.format("delta").option("startingVersion", "0").load(path)


class ColumnJob(DeltaJob):
    """Reads one column of a Delta table that may get others."""

    def source(self) -> DataFrame:
        return super().source().select("id")


class SlowJob(RateJob):
    """Holds each batch after its commit until released: Python that makes no call into the JVM."""

    entered = threading.Event()
    release = threading.Event()

    def process(self, batch: DataFrame, batch_id: int) -> None:
        super().process(batch, batch_id)
        self.entered.set()
        self.release.wait(60)


class PythonFailure(RateJob):
    """Fails in its own code."""

    def process(self, batch: DataFrame, batch_id: int) -> None:
        raise KeyError("plan_tier is not in the price list")


class JvmFailure(RateJob):
    """Fails in a task on the JVM."""

    def process(self, batch: DataFrame, batch_id: int) -> None:
        batch.selectExpr("assert_true(value < 0, 'value must be negative')").collect()


class RestartingJob(RateJob):
    """Wants its query planned anew in batch 2, and learns by `prepare`."""

    prepared = 0

    def prepare(self) -> None:
        super().prepare()
        self.prepared += 1

    def process(self, batch: DataFrame, batch_id: int) -> None:
        if batch_id == 2 and self.prepared == 1:
            raise RestartQuery("schema 7 is new")
        super().process(batch, batch_id)


class NeverContent(RateJob):
    """Always wants another restart."""

    def process(self, batch: DataFrame, batch_id: int) -> None:
        raise RestartQuery("still not right")


class WaitingJob(RateJob):
    """Waits for a table that another writes."""

    def prepare(self) -> None:
        super().prepare()
        if not Path(self.context.assignment.spec["waitFor"]).exists():
            raise WaitingFor("table up.stream does not exist yet: start the job that writes it")


class BatchWaitsJob(RateJob):
    """Finds in the middle of its run that what it needs is away, once."""

    failed = False

    def process(self, batch: DataFrame, batch_id: int) -> None:
        if batch_id == 1 and not self.failed:
            self.failed = True
            raise WaitingFor("the registry does not answer")
        super().process(batch, batch_id)


def host(
    spark: SparkSession, job: type[Job], what: Assignment, events: EventBuffer | None = None, **options: Any
) -> HostedJob:
    """The job, hosted and started."""

    def make(context: JobContext) -> Job:
        return job(context)

    hosted = HostedJob(spark, what, make, EventBuffer() if events is None else events, "test", **options)
    hosted.start()
    return hosted
