"""Data quality on real streams: metrics over every outcome, samples, one result per batch."""

from __future__ import annotations

import pytest

from penstock_jobs.job import JobRefused
from tests.pipelines.sales.avro import event
from tests.pipelines.sales.stand import Record, Stand


def mixed(first: int = 0) -> list[Record]:
    values = [
        event(event_id=f"a{first}"),
        event(event_id=f"a{first}"),
        event(event_id=f"slow{first}", ingest_time="2026-01-01T00:00:05.000001Z"),
        event(event_id=f"in time{first}", ingest_time="2026-01-01T00:00:05Z"),
        event(event_id="", region="MARS"),
        event(amount=float("nan")),
        event(event_time="never"),
        b"\x01",
        event(event_id=f"late{first}", event_time="2025-12-31T23:00:00Z"),
        event(event_id=f"future{first}", event_time="2026-01-02T00:00:00Z"),
    ]
    return [Record(n % 2, first + n, 0, value, None if value == b"\x01" else 7) for n, value in enumerate(values)]


def test_metrics_count_every_outcome_and_every_violation(stand: Stand) -> None:
    stand.bronze(mixed(), 0)
    stand.run("silver")
    stand.run("dq")
    row = stand.read("dq.revenue_5m.metrics").drop("dq_run_ts", "low_watermark").collect()[0].asDict()
    assert row == {
        "batch_id": 0,
        "total_records": 10,
        "valid_records_estimate": 4,
        "null_required_fields": 1,
        "invalid_domain_values": 1,
        "bad_amounts": 1,
        "latency_sla_breaches": 2,
        "accepted": 3,
        "duplicates": 1,
        "late": 1,
        "future": 1,
        "undecodable": 1,
        "invalid": 3,
    }


def test_samples_name_each_violation_the_lowest_offsets_first(stand: Stand) -> None:
    stand.bronze(mixed(), 0)
    stand.run("silver")
    stand.run("dq")
    rows = stand.read("dq.revenue_5m.samples").orderBy("offset", "dq_violation_reason").collect()
    assert [(row.offset, row.dq_violation_reason) for row in rows] == [
        (2, "LATENCY_SLA_BREACH"),
        (4, "INVALID_DOMAIN"),
        (4, "NULL_REQUIRED"),
        (5, "BAD_AMOUNT"),
        (6, "BAD_TIMESTAMP"),
        (7, "BAD_MAGIC"),
        (8, "LATENCY_SLA_BREACH"),
    ]
    assert rows[0].event_id == "slow0"


def test_at_most_a_hundred_samples_are_kept_of_a_batch(stand: Stand) -> None:
    stand.bronze([Record(0, n, 0, event(region="MARS")) for n in range(150)], 0)
    stand.run("silver")
    stand.run("dq")
    offsets = [row.offset for row in stand.read("dq.revenue_5m.samples").select("offset").collect()]
    assert sorted(offsets) == list(range(100))


def test_a_repeated_batch_gives_one_result_whichever_table_had_it(stand: Stand) -> None:
    stand.bronze(mixed(), 0)
    stand.run("silver")
    stand.run("dq")
    stand.forget_last_commit("dq")
    stand.run("dq")
    # As if the crash had come between the two commits: the samples are in, the metrics are not.
    metrics = stand.folder / "lake/dq/revenue_5m/metrics"
    metrics.rename(stand.folder / "gone")
    stand.forget_last_commit("dq")
    stand.run("dq")
    assert stand.read("dq.revenue_5m.metrics").count() == 1
    assert stand.read("dq.revenue_5m.samples").count() == 7


def test_a_batch_without_records_writes_nothing(stand: Stand) -> None:
    stand.bronze(mixed(), 0)
    stand.run("silver")
    stand.run("dq")
    stand.tick(30)
    stand.run("silver")
    stand.run("dq")
    stand.bronze(mixed(10), 30)
    stand.run("silver")
    stand.run("dq")
    batches = [row.batch_id for row in stand.read("dq.revenue_5m.metrics").orderBy("batch_id").collect()]
    assert batches == [0, 2]


def test_a_wiped_checkpoint_is_refused(stand: Stand) -> None:
    stand.bronze(mixed(), 0)
    stand.run("silver")
    stand.run("dq")
    stand.checkpoint("dq").rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.run("dq")
