"""Bronze on a real broker: a topic that is not what it was is never read on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.job import JobContext, JobRefused
from penstock_jobs.pipelines.kafka_start import beginning
from penstock_jobs.pipelines.sales.bronze import BronzeJob
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob
from tests.pipelines.kafka_broker import Broker, running_broker
from tests.pipelines.sales.stand import TOPIC, Stand
from tests.waiting import eventually

TABLE = "bronze.sales_events"


@pytest.fixture(scope="module")
def broker(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(spark, tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def topic(broker: Broker) -> Iterator[Broker]:
    broker.create(TOPIC)
    yield broker
    broker.delete(TOPIC)


@pytest.fixture
def stand(spark: SparkSession, tmp_path: Path, topic: Broker) -> Stand:
    stand = Stand(spark, tmp_path, "http://127.0.0.1:1")
    stand.brokers = topic.brokers
    return stand


def offsets(stand: Stand) -> list[int]:
    return sorted(row.offset for row in stand.read(TABLE).collect())


def hosted(stand: Stand, epoch: int, make: Callable[[JobContext], BronzeJob] = BronzeJob) -> HostedJob:
    job = HostedJob(stand.spark, stand.job("bronze", epoch).context.assignment, make, EventBuffer(), "test")
    job.start()
    return job


def failure(job: HostedJob) -> dict[str, Any]:
    eventually(lambda: job.status.ended, why=job.status.report)
    report = job.status.report()
    assert report["state"] == "failed", report
    exception: dict[str, Any] = report["exception"]
    return exception


def test_a_topic_made_anew_under_a_running_job_fails_it_with_the_reason_and_nothing_is_lost(
    stand: Stand, topic: Broker
) -> None:
    topic.write(TOPIC, 50)
    job = hosted(stand, 1)
    eventually(lambda: job._position.tables.get(TABLE, 0) >= 1, why=job.status.report)
    entry = stand.newest_entry(TABLE)
    assert entry.topic_id is not None
    topic.recreate(TOPIC)
    topic.write(TOPIC, 10)
    exception = failure(job)
    assert f"the topic {TOPIC} was deleted and made anew: its id was {entry.topic_id}" in exception["message"]
    assert "partition 0 was read up to offset 50" in exception["message"]
    assert exception["class"] == "JobRefused"
    assert exception["permanent"] is True
    # Grown beyond the old offsets, it is known by its id alone.
    topic.write(TOPIC, 60)
    again = failure(hosted(stand, 2))
    assert "partition 0 was read up to offset 50 and ends at 70" in again["message"]
    assert offsets(stand) == list(range(50))


def test_a_batch_that_kafka_does_not_hand_over_gives_its_core_back_and_the_job_waits_until_it_does(
    stand: Stand, topic: Broker
) -> None:
    class LosesKafka(BronzeJob):
        """The brokers end after a batch was planned and before a record of it is read."""

        def process(self, batch: DataFrame, batch_id: int) -> None:
            if batch_id == 0 and self._table.last_batch < 0 and not lost:
                lost.append(time.monotonic())
                topic.kill()
            super().process(batch, batch_id)

    lost: list[float] = []
    topic.write(TOPIC, 20)
    clients = {f"kafka.{name}": "500" for name in ("request.timeout.ms", "default.api.timeout.ms")}
    stand.options = {"kafkaConsumer.pollTimeoutMs": "500", **clients}
    job = hosted(stand, 1, LosesKafka)
    try:
        eventually(lambda: job.status.state == "waiting", 60, job.status.report)
    finally:
        topic.start()
    report = job.status.report()
    assert f"waiting for Kafka at {topic.brokers}, which does not answer" in report["waitingFor"]
    eventually(lambda: job._position.tables.get(TABLE, 0) >= 1, 60, job.status.report)
    assert offsets(stand) == list(range(20))
    assert job.status.state == "running"
    job.stop("drain", 30_000)
    eventually(lambda: job.status.state == "stopped", why=job.status.report)


def test_records_that_retention_took_before_they_were_read_fail_the_start(stand: Stand, topic: Broker) -> None:
    topic.write(TOPIC, 5)
    stand.run("bronze")
    topic.write(TOPIC, 5)
    topic.forget_before(TOPIC, 8)
    with pytest.raises(JobRefused, match=r"partition 0: offsets 5 to 7 \(3\)"):
        stand.job("bronze").prepare()
    assert offsets(stand) == list(range(5))


def test_a_job_that_has_read_nothing_begins_where_it_is_told_and_the_table_remembers(
    stand: Stand, topic: Broker
) -> None:
    topic.write(TOPIC, 10)
    stand.start = {"offsets": {"0": "4"}}
    job = stand.job("bronze")
    job.prepare()
    assert stand.newest_entry(TABLE).through == {TOPIC: {"0": "4"}}
    # A later run is told nothing: the table says where it began.
    stand.start = None
    stand.run("bronze")
    assert offsets(stand) == list(range(4, 10))
    entry = stand.newest_entry(TABLE)
    assert (entry.batch, entry.through, entry.rows) == (0, {TOPIC: {"0": "10"}}, {"appended": 6})
    # Nor does it begin anew when it is told again.
    stand.start = {"offsets": {"0": "2"}}
    topic.write(TOPIC, 2)
    stand.run("bronze")
    assert offsets(stand) == list(range(4, 12))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"0": "3"}, "partition 0 begins at offset 5, and 2 before it are gone"),
        ({"0": "11"}, "partition 0 ends at offset 10, before 11"),
        ({"0": "5", "7": "0"}, "it has no partition 7, only 0"),
    ],
)
def test_a_beginning_that_the_topic_does_not_have_is_refused_and_nothing_is_made(
    stand: Stand, topic: Broker, wanted: dict[str, str], text: str
) -> None:
    topic.write(TOPIC, 10)
    topic.forget_before(TOPIC, 5)
    stand.start = {"offsets": wanted}
    with pytest.raises(JobRefused, match=text):
        stand.job("bronze").prepare()
    assert not Path(stand.tables[TABLE]).exists()


def test_partitions_that_are_not_named_begin_with_their_oldest_record() -> None:
    found = beginning("t", {"1": "7"}, {"0": 3, "1": 0, "2": 0}, {"0": 9, "1": 9, "2": 0})
    assert found == {"0": "3", "1": "7", "2": "0"}
