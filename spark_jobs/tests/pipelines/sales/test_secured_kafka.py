"""Spark and a broker that wants TLS and a login: bronze reads, and the password is nowhere to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from penstock_jobs.credentials import kafka_settings
from penstock_jobs.job import WaitingFor
from penstock_jobs.runner.failure import describe_query_death
from tests.pipelines.kafka_broker import PASSWORD, SCRAM_PASSWORD, USERNAME, Broker, certificate, running_broker
from tests.pipelines.sales.stand import TOPIC, Stand

TABLE = "bronze.sales_events"


@pytest.fixture(scope="module")
def broker(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(spark, tmp_path_factory.mktemp("kafka"), secured=True) as broker:
        yield broker


@pytest.fixture
def stand(spark: SparkSession, tmp_path: Path, broker: Broker) -> Iterator[Stand]:
    broker.create(TOPIC)
    stand = Stand(spark, tmp_path, "http://127.0.0.1:1")
    stand.brokers = broker.login
    yield stand
    broker.delete(TOPIC)


def enter(monkeypatch: pytest.MonkeyPatch, folder: Path, mechanism: str, password: str, ca: str = "ca") -> None:
    """The environment of a driver whose control plane has such settings."""
    file = folder / "password"
    file.write_text(f"{password}\n")
    for name, value in {
        "SECURITY": "SASL_SSL",
        "SASL_MECHANISM": mechanism,
        "USERNAME": USERNAME,
        "PASSWORD_FILE": str(file),
        "CA_FILE": str(certificate(ca)),
    }.items():
        monkeypatch.setenv(f"PENSTOCK_KAFKA_{name}", value)


def write(stand: Stand, count: int) -> None:
    rows = stand.spark.range(count).selectExpr("cast(id as string) as value").coalesce(1)
    settings = {f"kafka.{name}": value for name, value in kafka_settings().items()}
    rows.write.format("kafka").options(**settings).option("kafka.bootstrap.servers", stand.brokers).option(
        "topic", TOPIC
    ).save()


@pytest.mark.parametrize(
    ("mechanism", "password"), [("PLAIN", PASSWORD), ("SCRAM-SHA-512", SCRAM_PASSWORD)], ids=["PLAIN", "SCRAM"]
)
def test_spark_writes_and_bronze_reads_through_tls_and_a_login(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mechanism: str, password: str
) -> None:
    enter(monkeypatch, tmp_path, mechanism, password)
    write(stand, 20)
    stand.run("bronze")
    assert sorted(row.offset for row in stand.read(TABLE).collect()) == list(range(20))
    entry = stand.newest_entry(TABLE)
    assert entry.through == {TOPIC: {"0": "20"}}
    assert entry.topic_id is not None


def test_bronze_reads_by_a_certificate_of_its_own(
    stand: Stand, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.brokers = broker.clients
    monkeypatch.setenv("PENSTOCK_KAFKA_SECURITY", "SSL")
    for name, file in {"CA": "ca", "CERT": "client", "KEY": "client-key"}.items():
        monkeypatch.setenv(f"PENSTOCK_KAFKA_{name}_FILE", str(certificate(file)))
    write(stand, 3)
    stand.run("bronze")
    assert sorted(row.offset for row in stand.read(TABLE).collect()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wrong-secret-91c4"}, "See PENSTOCK_KAFKA_USERNAME and PENSTOCK_KAFKA_PASSWORD_FILE"),
        ({"ca": "other-ca"}, "See PENSTOCK_KAFKA_CA_FILE and PENSTOCK_KAFKA_SECURITY"),
        ({"mechanism": "SCRAM-SHA-256"}, "See PENSTOCK_KAFKA_SASL_MECHANISM"),
    ],
)
def test_what_brokers_refuse_is_waited_for_with_the_setting_to_look_at(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], expected: str
) -> None:
    enter(monkeypatch, tmp_path, **{"mechanism": "PLAIN", "password": PASSWORD, **change})
    with pytest.raises(WaitingFor, match=expected) as waiting:
        stand.job("bronze").prepare()
    assert "wrong-secret" not in str(waiting.value)


def test_a_client_without_tls_is_told_within_seconds_that_nobody_answers(stand: Stand) -> None:
    with pytest.raises(WaitingFor, match="which does not answer"):
        stand.job("bronze").prepare()


def test_the_password_is_in_no_plan_no_setting_and_no_failure(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, tmp_path, "SCRAM-SHA-512", SCRAM_PASSWORD)
    write(stand, 5)
    job = stand.job("bronze")
    job.prepare()
    source = job.source()

    def fail(_batch: Any, _id: int) -> None:
        raise ValueError("the batch fails")

    checkpoint = stand.job("bronze").context.assignment.spec["checkpoint"]
    query: Any = (
        source.writeStream.foreachBatch(fail)
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    with pytest.raises(StreamingQueryException) as died:
        query.awaitTermination()
    frame: Any = source
    plans = str(frame._jdf.queryExecution().toString())
    death = query._jsq.exception().get()
    conf = stand.spark.sparkContext.getConf().getAll()
    texts = {
        "the exception": str(died.value),
        "the exception of the JVM": f"{death.toString()}\n{death.getMessage()}",
        "what the control plane is told": json.dumps(describe_query_death(query)),
        "the plans": plans,
        "the settings": str(conf),
    }
    assert "kafka.sasl.jaas.config" in texts["the plans"], "the plan shows its options: so they have to be redacted"
    for where, text in texts.items():
        assert SCRAM_PASSWORD not in text, where
