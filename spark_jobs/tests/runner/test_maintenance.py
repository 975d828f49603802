from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob
from penstock_jobs.runner.maintenance import Maintenance
from penstock_jobs.runner.supervisor import Supervisor
from tests.runner.sample_jobs import TABLE, RateJob, spec_of
from tests.waiting import eventually


class Stack:
    """A supervisor with one job and the housekeeping of its tables, all at work."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.events = EventBuffer()
        self.supervisor = Supervisor(
            lambda assignment: HostedJob(spark, assignment, RateJob, self.events, "test", lambda: None)
        )
        self.maintenance = Maintenance(spark, self.supervisor, every_seconds=0.2)
        self.folder = folder
        self.maintenance.start()

    def run(self, **spec: Any) -> HostedJob:
        item = Assignment("test.job", 1, 1, spec_of(self.folder, **spec))
        self.supervisor.apply(
            [{"job": item.job, "generation": 1, "epoch": 1, "desired": "running", "stop": None, "spec": item.spec}]
        )
        return eventually(self.supervisor.running)[0][0]

    def told(self, kind: str) -> list[dict[str, Any]]:
        events = map(json.loads, self.events.pending(100_000))
        return [event["data"] for event in events if event["type"] == kind]


@pytest.fixture
def stack(spark: SparkSession, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(spark, tmp_path)
    yield stack
    stack.maintenance.stop()
    assert stack.supervisor.stop_all("now", 60)


def limits(optimize_after: int) -> dict[str, int]:
    return {
        "checkpointInterval": 10,
        "logRetentionMs": 7_200_000,
        "optimizeAfter": optimize_after,
        "fileRetentionMs": 172_800_000,
        "vacuumEveryMs": 21_600_000,
    }


def test_tables_of_a_running_job_are_compacted_beside_it_and_a_drain_is_exact(stack: Stack) -> None:
    job = stack.run(housekeeping=limits(2))
    eventually(lambda: len(stack.told("housekeeping")) >= 2, why=lambda: stack.told("warning"))
    job.stop("drain", 60_000)
    eventually(lambda: job.status.ended, why=job.status.report)
    report = job.status.report()
    assert report["state"] == "stopped", report
    assert {step["action"] for step in stack.told("housekeeping")} == {"optimize"}
    assert stack.told("warning") == []
    batches = [event["batch"] for event in stack.told("batch")]
    assert batches == list(range(len(batches)))
    assert report["certificate"]["lastBatch"] == batches[-1]


def test_housekeeping_that_fails_is_a_warning_and_the_job_goes_on(stack: Stack) -> None:
    marker = stack.folder / "checkpoint.housekeeping"
    marker.write_text("a file where a folder should be")
    job = stack.run(housekeeping=limits(1_000))
    eventually(lambda: stack.told("warning"), why=job.status.report)
    warning = stack.told("warning")[0]
    assert warning["text"] == f"housekeeping of {TABLE} failed"
    assert "checkpoint.housekeeping" in warning["message"]
    assert job.status.state == "running"
    before = len(stack.told("batch"))
    eventually(lambda: len(stack.told("batch")) > before, why=job.status.report)
