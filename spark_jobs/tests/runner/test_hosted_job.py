from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.job import Job, JobRefused, WaitingFor
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob
from penstock_jobs.runner.progress import ProgressListener
from penstock_jobs.transaction import TableTransactions
from tests.runner.sample_jobs import (
    BatchWaitsJob,
    ColumnJob,
    DeltaJob,
    JvmFailure,
    NeverContent,
    PythonFailure,
    RateJob,
    RestartingJob,
    SlowJob,
    WaitingJob,
    assignment,
    host,
    spec_of,
)
from tests.waiting import eventually


def ended(job: HostedJob) -> dict[str, object]:
    eventually(lambda: job.status.ended, why=job.status.report)
    return job.status.report()


def batches(folder: Path) -> list[int]:
    """Batch ids in the order in which they were committed to the table."""
    found = []
    for path in sorted((folder / "table" / "_delta_log").glob("*.json")):
        infos = [json.loads(line)["commitInfo"] for line in path.read_text().splitlines() if "commitInfo" in line]
        found += [json.loads(info["userMetadata"])["batch"] for info in infos if "userMetadata" in info]
    return found


def commits(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in (folder / "checkpoint" / "commits").iterdir() if path.name.isdigit())


def kinds(events: EventBuffer) -> list[str]:
    return [json.loads(text)["type"] for text in events.pending(10_000)]


@pytest.fixture
def listening(spark: SparkSession) -> Iterator[list[HostedJob]]:
    """Jobs put into this list get what Spark's listener says about their queries."""
    jobs: list[HostedJob] = []
    listener = ProgressListener(lambda run: next((job for job in jobs if job.run_id == run), None))
    spark.streams.addListener(listener)
    yield jobs
    spark.streams.removeListener(listener)


def test_a_job_starts_and_reports_progress_and_ledger_entries(
    spark: SparkSession, tmp_path: Path, listening: list[HostedJob]
) -> None:
    events = EventBuffer()
    job = host(spark, RateJob, assignment(tmp_path), events)
    listening.append(job)
    eventually(lambda: kinds(events).count("progress") >= 2, why=lambda: [kinds(events), job.status.report()])
    report = job.status.report()
    assert report["state"] == "running"
    assert report["lastProgressAt"] is not None
    assert report["queryRunId"] == job.run_id
    job.stop("drain", 60_000)
    assert ended(job)["state"] == "stopped"
    progress = next(json.loads(text) for text in events.pending(100) if json.loads(text)["type"] == "progress")
    assert progress["data"]["batchId"] == 0
    assert "batch" in kinds(events)


def test_a_drain_under_load_leaves_nothing_in_flight_and_the_next_run_continues(
    spark: SparkSession, tmp_path: Path
) -> None:
    for epoch in range(1, 5):
        enough = len(batches(tmp_path)) + epoch % 3 + 1
        job = host(spark, RateJob, assignment(tmp_path, epoch))
        eventually(lambda enough=enough: len(batches(tmp_path)) >= enough)
        job.stop("drain", 60_000)
        report = ended(job)
        certificate = report["certificate"]
        assert report["state"] == "stopped", report
        assert isinstance(certificate, dict)
        assert certificate["mode"] == "drain"
        assert certificate["inFlight"] is False
        # The last batch in the table is the last one in Spark's commit log: none will be repeated.
        assert certificate["lastBatch"] == commits(tmp_path)[-1] == batches(tmp_path)[-1]
        assert certificate["through"] == {"rate": {"0": str(batches(tmp_path)[-1] + 1)}}
        assert certificate["tables"] == {"out.rows": len(batches(tmp_path)) - 1}
    done = batches(tmp_path)
    assert done == list(range(len(done)))


def test_an_idle_job_stops_at_once_and_was_ticked_meanwhile(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.format("delta").save(str(tmp_path / "source"))
    made: list[Job] = []

    class Kept(DeltaJob):
        def prepare(self) -> None:
            super().prepare()
            made.append(self)

    told: list[object] = []
    job = host(
        spark,
        Kept,
        assignment(tmp_path, source=str(tmp_path / "source")),
        changed=lambda: told.append(job.status.report()["lastProgressAt"]),
    )
    eventually(lambda: made and getattr(made[0], "ticks", 0) >= 2, why=job.status.report)
    assert told[0] is None
    assert told[-1] is not None, "the first look at the source is told at once, without a word from Spark's listener"
    job.stop("drain", 60_000)
    assert job.join(10)
    assert ended(job)["certificate"]["mode"] == "drain"  # type: ignore[index]


def test_a_drain_waits_for_the_batch_in_flight_and_turns_into_now_at_its_deadline(
    spark: SparkSession, tmp_path: Path
) -> None:
    SlowJob.entered.clear()
    SlowJob.release.clear()
    job = host(spark, SlowJob, assignment(tmp_path))
    assert SlowJob.entered.wait(60)
    job.stop("drain", 500)
    eventually(lambda: job.status.state == "draining")
    assert not job.join(1.5), "the certificate must not be given while Python holds a batch"
    SlowJob.release.set()
    report = ended(job)
    assert report["state"] == "stopped", report
    assert report["certificate"]["mode"] == "now"  # type: ignore[index]


def test_now_interrupts_the_query(spark: SparkSession, tmp_path: Path) -> None:
    job = host(spark, RateJob, assignment(tmp_path))
    eventually(lambda: job.status.state == "running", why=job.status.report)
    job.stop("now", 30_000)
    report = ended(job)
    assert report["state"] == "stopped", report
    assert report["certificate"]["mode"] == "now"  # type: ignore[index]
    assert report["exception"] is None


def test_a_failure_in_the_job_is_reported_with_its_own_cause(spark: SparkSession, tmp_path: Path) -> None:
    report = ended(host(spark, PythonFailure, assignment(tmp_path)))
    exception = report["exception"]
    assert report["state"] == "failed"
    assert isinstance(exception, dict)
    assert exception["class"] == "KeyError"
    assert "plan_tier is not in the price list" in exception["message"]
    assert "sample_jobs.py" in exception["trace"]
    assert "py4j" not in exception["message"]


def test_a_failure_in_the_jvm_is_reported_with_its_innermost_cause(spark: SparkSession, tmp_path: Path) -> None:
    exception = ended(host(spark, JvmFailure, assignment(tmp_path)))["exception"]
    assert isinstance(exception, dict)
    assert exception["message"].startswith("[USER_RAISED_EXCEPTION] value must be negative")
    assert "sample_jobs.py" in exception["trace"]


def test_a_query_that_dies_outside_of_the_job_is_failed_with_sparks_cause(spark: SparkSession, tmp_path: Path) -> None:
    source = str(tmp_path / "source")
    spark.range(3).write.format("delta").save(source)
    job = host(spark, DeltaJob, assignment(tmp_path, source=source))
    eventually(lambda: (tmp_path / "checkpoint" / "commits" / "0").exists(), why=job.status.report)
    spark.sql(f"DELETE FROM delta.`{source}` WHERE id = 1")
    exception = ended(job)["exception"]
    assert isinstance(exception, dict)
    assert "DELTA_SOURCE_" in exception["message"]


def test_a_query_that_dies_takes_no_other_along_and_its_job_can_start_again(
    spark: SparkSession, tmp_path: Path, listening: list[HostedJob]
) -> None:
    class DiesOnce(RateJob):
        def process(self, batch: DataFrame, batch_id: int) -> None:
            super().process(batch, batch_id)
            if batch_id == 1 and self.context.assignment.epoch == 1:
                raise ArithmeticError("a bad batch")

    other = host(spark, RateJob, replace(assignment(tmp_path / "other"), job="other.job"))
    listening.append(other)
    dying = host(spark, DiesOnce, assignment(tmp_path / "dying"))
    assert ended(dying)["exception"]["message"] == "a bad batch"  # type: ignore[index]
    before = len(batches(tmp_path / "other"))
    eventually(lambda: len(batches(tmp_path / "other")) >= before + 2, why=other.status.report)
    assert other.status.state == "running"
    again = host(spark, RateJob, assignment(tmp_path / "dying", 2))
    eventually(lambda: len(commits(tmp_path / "dying")) >= 3, why=again.status.report)
    for job in (other, again):
        job.stop("now", 0)
        assert ended(job)["state"] == "stopped"


def test_what_a_job_finds_wrong_with_its_source_is_the_reason_of_its_failure(
    spark: SparkSession, tmp_path: Path
) -> None:
    class Knows(JvmFailure):
        def diagnose(self) -> None:
            raise JobRefused("the topic was made anew")

    class CannotTell(JvmFailure):
        def diagnose(self) -> None:
            raise KeyError("no idea")

    exception = ended(host(spark, Knows, assignment(tmp_path / "knows")))["exception"]
    assert isinstance(exception, dict)
    assert (exception["class"], exception["message"]) == ("JobRefused", "the topic was made anew")
    assert exception["permanent"] is True
    assert "USER_RAISED_EXCEPTION" in exception["trace"]
    exception = ended(host(spark, CannotTell, assignment(tmp_path / "cannot")))["exception"]
    assert isinstance(exception, dict)
    assert exception["message"].startswith("[USER_RAISED_EXCEPTION]")


def test_a_query_that_dies_while_what_it_reads_is_away_is_started_again_once_that_is_back(
    spark: SparkSession, tmp_path: Path
) -> None:
    away = threading.Event()

    class LosesItsSource(RateJob):
        def prepare(self) -> None:
            super().prepare()
            self.diagnose()

        def process(self, batch: DataFrame, batch_id: int) -> None:
            if batch_id == 1 and not lost:
                lost.append(batch_id)
                away.set()
                raise ArithmeticError("no more records")
            super().process(batch, batch_id)

        def diagnose(self) -> None:
            if away.is_set():
                raise WaitingFor("waiting for Kafka")

    lost: list[int] = []
    told: list[tuple[str, object]] = []
    events = EventBuffer()
    job = host(
        spark,
        LosesItsSource,
        assignment(tmp_path),
        events,
        changed=lambda: told.append((job.status.state, job.status.report()["lastProgressAt"])),
    )
    eventually(lambda: job.status.state == "waiting", why=job.status.report)
    report = job.status.report()
    assert report["waitingFor"] == "waiting for Kafka"
    warnings = [json.loads(text)["data"] for text in events.pending(100) if json.loads(text)["type"] == "warning"]
    assert warnings == [{"text": "the query ended (no more records) and is started again later: waiting for Kafka"}]
    away.clear()
    eventually(lambda: len(batches(tmp_path)) >= 4, why=job.status.report)
    again = [state for state, _ in told].index("waiting") + 1
    assert told[again] == ("running", None), "what the query before it did says nothing about this one"
    job.stop("now", 0)
    assert ended(job)["state"] == "stopped"
    done = batches(tmp_path)
    assert done == list(range(len(done)))


def test_a_job_that_asks_for_it_gets_its_query_restarted_in_the_same_run(spark: SparkSession, tmp_path: Path) -> None:
    events = EventBuffer()
    job = host(spark, RestartingJob, assignment(tmp_path), events)
    eventually(lambda: (tmp_path / "table").exists() and len(batches(tmp_path)) >= 4, why=job.status.report)
    assert job.status.state == "running"
    job.stop("drain", 60_000)
    assert ended(job)["state"] == "stopped"
    done = batches(tmp_path)
    assert done == list(range(len(done)))
    warnings = [json.loads(text)["data"] for text in events.pending(100) if json.loads(text)["type"] == "warning"]
    assert [warning["text"] for warning in warnings] == ["the query is restarted: schema 7 is new"]


def test_a_job_that_asks_for_restarts_without_end_fails(spark: SparkSession, tmp_path: Path) -> None:
    report = ended(host(spark, NeverContent, assignment(tmp_path)))
    assert report["state"] == "failed"
    assert "still not right" in report["exception"]["message"]  # type: ignore[index]


def test_a_job_says_what_it_waits_for_and_starts_when_it_is_there(spark: SparkSession, tmp_path: Path) -> None:
    job = host(spark, WaitingJob, assignment(tmp_path, waitFor=str(tmp_path / "flag")))
    eventually(lambda: job.status.state == "waiting", why=job.status.report)
    assert job.status.report()["waitingFor"] == "table up.stream does not exist yet: start the job that writes it"
    (tmp_path / "flag").touch()
    eventually(lambda: job.status.state == "running", why=job.status.report)
    assert job.status.report()["waitingFor"] is None
    job.stop("now", 0)
    assert ended(job)["state"] == "stopped"


def test_a_waiting_job_can_be_stopped(spark: SparkSession, tmp_path: Path) -> None:
    job = host(spark, WaitingJob, assignment(tmp_path, waitFor=str(tmp_path / "never")))
    eventually(lambda: job.status.state == "waiting", why=job.status.report)
    job.stop("drain", 60_000)
    report = ended(job)
    assert report["state"] == "stopped"
    assert report["certificate"]["lastBatch"] is None  # type: ignore[index]


def test_a_batch_that_must_wait_is_repeated_until_it_goes_through(spark: SparkSession, tmp_path: Path) -> None:
    states: list[str | None] = []
    job = host(spark, BatchWaitsJob, assignment(tmp_path), changed=lambda: states.append(job.status.state))
    eventually(lambda: (tmp_path / "table").exists() and len(batches(tmp_path)) >= 3, why=job.status.report)
    job.stop("drain", 60_000)
    assert ended(job)["state"] == "stopped"
    assert "waiting" in states
    assert batches(tmp_path)[:3] == [0, 1, 2]


def test_rows_dropped_by_the_watermark_fail_the_job(
    spark: SparkSession, tmp_path: Path, listening: list[HostedJob]
) -> None:
    source = str(tmp_path / "source")

    class Deduplicating(DeltaJob):
        def source(self) -> object:  # type: ignore[override]
            frame = super().source().withWatermark("at", "1 second")
            return frame.dropDuplicatesWithinWatermark(["id"])

    def append(identity: int, at: str) -> None:
        row = spark.sql(f"SELECT {identity}L AS id, timestamp'{at}' AS at")
        row.write.format("delta").mode("append").save(source)

    append(1, "2026-01-01 12:00:00")
    job = host(spark, Deduplicating, assignment(tmp_path, source=source))
    listening.append(job)
    for number, at in enumerate(["2026-01-01 13:00:00", "2026-01-01 13:00:01", "2026-01-01 12:00:01"]):
        path = tmp_path / "checkpoint" / "commits" / str(number)
        eventually(path.exists, why=job.status.report)
        append(number + 2, at)
    report = ended(job)
    assert report["state"] == "failed"
    assert "1 rows were dropped by Spark's watermark" in report["exception"]["message"]  # type: ignore[index]


def test_a_run_that_has_been_replaced_fails_before_it_writes(spark: SparkSession, tmp_path: Path) -> None:
    old = host(spark, RateJob, assignment(tmp_path, 1))
    eventually(lambda: (tmp_path / "table").exists() and batches(tmp_path), why=old.status.report)
    (tmp_path / "checkpoint.epochs" / f"{2:012d}").touch()
    report = ended(old)
    assert report["exception"]["class"] == "RunRefused"  # type: ignore[index]
    assert report["exception"]["permanent"] is False  # type: ignore[index]
    assert "has been replaced: epoch 2" in report["exception"]["message"]  # type: ignore[index]


def test_an_epoch_runs_only_once(spark: SparkSession, tmp_path: Path) -> None:
    first = host(spark, RateJob, assignment(tmp_path, 1))
    eventually(lambda: first.status.state == "running", why=first.status.report)
    second = ended(host(spark, RateJob, assignment(tmp_path, 1)))
    assert "epoch 1 has already been claimed by another run" in second["exception"]["message"]  # type: ignore[index]
    first.stop("now", 0)
    ended(first)


def test_batches_run_in_the_fair_pool_of_their_job(spark: SparkSession, tmp_path: Path) -> None:
    pools: list[str | None] = []

    class Curious(RateJob):
        def process(self, batch: object, batch_id: int) -> None:  # type: ignore[override]
            pools.append(self.context.spark.sparkContext.getLocalProperty("spark.scheduler.pool"))

    job = host(spark, Curious, assignment(tmp_path))
    eventually(lambda: pools, why=job.status.report)
    job.stop("now", 0)
    ended(job)
    assert pools[0] == "test.job@1:8"
    pool = spark.sparkContext._jsc.sc().taskScheduler().rootPool().getSchedulableByName("test.job@1:8")
    assert pool.weight() == 8


def test_a_reader_of_a_table_that_gets_columns_goes_on_by_itself(spark: SparkSession, tmp_path: Path) -> None:
    source = str(tmp_path / "source")
    tables = TableTransactions(spark, source, lambda: None)
    told = EventBuffer()

    def write(number: int, *columns: str) -> None:
        row = spark.range(number, number + 1).selectExpr("id", *columns)
        row.write.format("delta").mode("append").save(source)

    def has_read(folder: Path, rows: int) -> bool:
        table = str(folder / "table")
        return bool(batches(folder)) and spark.read.format("delta").load(table).count() == rows

    def reading(folder: Path, epoch: int) -> HostedJob:
        return host(spark, ColumnJob, assignment(folder, epoch, source=source), told)

    def drained(job: HostedJob) -> bool:
        job.stop("drain", 60_000)
        return ended(job)["state"] == "stopped"

    write(0)
    job = reading(tmp_path, 1)
    eventually(lambda: has_read(tmp_path, 1), why=job.status.report)
    assert tables.add_columns(spark, "id BIGINT, extra STRING") == ["extra"]
    write(1, "'x' AS extra")
    eventually(lambda: has_read(tmp_path, 2), why=job.status.report)
    warnings = [json.loads(text)["data"] for text in told.pending(100) if json.loads(text)["type"] == "warning"]
    assert [warning["text"] for warning in warnings] == [
        "the query is restarted: a table that it reads has got new columns"
    ]
    assert drained(job)

    # While it is stopped: it then finds rows from before and after in one batch.
    write(2, "'x' AS extra")
    assert tables.add_columns(spark, "id BIGINT, override BIGINT") == ["override"]
    write(3, "'x' AS extra", "7L AS override")
    job = reading(tmp_path, 2)
    eventually(lambda: has_read(tmp_path, 4), why=job.status.report)
    assert drained(job)

    # From the first version on, as a new reader begins.
    job = reading(tmp_path / "new", 1)
    eventually(lambda: has_read(tmp_path / "new", 4), why=job.status.report)
    assert drained(job)


def test_a_held_job_begins_no_batch_says_why_and_stops_at_once(spark: SparkSession, tmp_path: Path) -> None:
    def pace(held: str | None) -> dict[str, object]:
        return {"weight": 1, "held": held}

    SlowJob.entered.clear()
    SlowJob.release.clear()
    job = host(spark, SlowJob, assignment(tmp_path, pace=pace("the live jobs are 45 s behind")))
    eventually(lambda: job.status.report()["waitingFor"] == "the live jobs are 45 s behind", why=job.status.report)
    assert not (tmp_path / "checkpoint").exists(), "not even its query runs"
    job.newest_spec = spec_of(tmp_path, pace=pace(None))
    assert SlowJob.entered.wait(60)
    eventually(lambda: job.status.report()["state"] == "running", why=job.status.report)
    assert job.status.report()["waitingFor"] is None

    job.newest_spec = spec_of(tmp_path, pace=pace("the live jobs are 31 s behind"))
    eventually(lambda: job.status.report()["state"] == "waiting", why=job.status.report)
    # The batch in flight ends; the next one has been planned, and waits.
    SlowJob.release.set()
    offsets = tmp_path / "checkpoint" / "offsets"
    eventually(lambda: (offsets / "1").exists(), why=job.status.report)
    assert (batches(tmp_path), job.status.report()["exception"]) == ([0], None)
    job.stop("drain", 60_000)
    report = ended(job)
    assert report["state"] == "stopped", report
    assert report["certificate"]["mode"] == "drain"  # type: ignore[index]
    assert report["certificate"]["lastBatch"] == 0  # type: ignore[index]
    assert batches(tmp_path) == [0]


def test_each_generation_of_a_job_has_a_share_of_its_own_by_its_weight(spark: SparkSession, tmp_path: Path) -> None:
    jobs = []
    for generation, weight in ((1, 8), (2, 1)):
        folder = tmp_path / str(generation)
        what = replace(assignment(folder, pace={"weight": weight, "held": None}), generation=generation)
        jobs.append(host(spark, RateJob, what))
    for job in jobs:
        eventually(lambda job=job: job.status.report()["state"] == "running", why=job.status.report)
    names = {query.name for query in spark.streams.active}
    root = spark.sparkContext._jsc.sc().taskScheduler().rootPool()
    weights = [root.getSchedulableByName(name).weight() for name in ("test.job@1:8", "test.job@2:1")]
    for job in jobs:
        job.stop("drain", 60_000)
        assert ended(job)["state"] == "stopped"
    assert {"test.job@1", "test.job@2"} <= names
    assert weights == [8, 1]
