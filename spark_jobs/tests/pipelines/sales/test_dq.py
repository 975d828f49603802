"""Data quality on real streams: metrics over every outcome, samples, one result per batch."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as sf

from penstock_jobs.job import JobRefused
from penstock_jobs.pipelines.sales.dq import samples
from tests.pipelines.sales.avro import event
from tests.pipelines.sales.stand import Record, Stand

VALUES = [
    event(event_id="a"),
    event(event_id="a"),
    event(event_id="slow", ingest_time="2026-01-01T00:00:05.000001Z"),
    event(event_id="in time", ingest_time="2026-01-01T00:00:05Z"),
    event(event_id="", region="MARS"),
    event(amount=float("nan")),
    event(event_time="never"),
    b"\x01",
    event(event_id="late", event_time="2025-12-31T23:00:00Z"),
    event(event_id="future", event_time="2026-01-02T00:00:00Z"),
]


def test_each_batch_gets_one_row_of_metrics_and_its_samples_whatever_crashes(stand: Stand) -> None:
    stand.bronze([Record(n % 2, n, 0, value, None if value == b"\x01" else 7) for n, value in enumerate(VALUES)], 0)
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
        "rule_checked": None,
        "rule_failures": None,
        "rules_revision": None,
    }
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
    assert rows[0].event_id == "slow"

    # As if the crash had come between the two commits: the samples are in, the metrics are not.
    (stand.folder / "lake/dq/revenue_5m/metrics").rename(stand.folder / "gone")
    stand.forget_last_commit("dq")
    stand.run("dq")
    # And between the last of them and the batch's: both are in.
    stand.forget_last_commit("dq")
    stand.tick(30)
    stand.run("silver")
    stand.run("dq")
    batches = [row.batch_id for row in stand.read("dq.revenue_5m.metrics").collect()]
    assert batches == [0], "the repeated batch is in once, and the tick's is empty"
    assert stand.read("dq.revenue_5m.samples").count() == 7

    stand.checkpoint("dq").rename(stand.folder / "wiped")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.job("dq").prepare()


ALL = ["accepted", "duplicate", "late", "future", "undecodable", "invalid"]
NO_REFUND = {"id": "no-refund", "kind": "domain", "column": "event_type", "allowed": ["renewal"], "outcomes": ALL}
RULES: dict[str, Any] = {
    "revision": "abc",
    "rows": [
        {"id": "region-known", "kind": "domain", "column": "region", "allowed": ["EU"], "outcomes": ALL, "when": {}},
        {"id": "events-unique", "kind": "uniqueness", "column": "event_id", "outcomes": ALL[:2], "when": {}},
        {**NO_REFUND, "when": {"event_type": ["refund"]}},
    ],
}


def test_each_rule_is_counted_in_the_row_of_its_batch_and_sampled_under_its_id(stand: Stand) -> None:
    stand.quality_rules = RULES
    stand.bronze([Record(n % 2, n, 0, value, None if value == b"\x01" else 7) for n, value in enumerate(VALUES)], 0)
    stand.run("silver")
    stand.run("dq")
    stand.run("dq")
    (row,) = stand.read("dq.revenue_5m.metrics").collect()
    assert row.rule_checked == {"region-known": 10, "events-unique": 4, "no-refund": 0}
    assert row.rule_failures == {"region-known": 1, "events-unique": 1, "no-refund": 0}
    assert row.rules_revision == "abc"
    assert row.valid_records_estimate == 4, "rules are no part of the contract"
    samples_of = stand.read("dq.revenue_5m.samples").orderBy("offset", "dq_violation_reason").collect()
    by_rule = [(row.offset, row.dq_violation_reason, row.rule) for row in samples_of if row.rule]
    assert by_rule == [(1, "events-unique", "events-unique"), (4, "region-known", "region-known")]
    assert (4, "INVALID_DOMAIN", None) in [(row.offset, row.dq_violation_reason, row.rule) for row in samples_of]


def test_a_batch_of_good_events_is_sampled_for_what_its_rules_dislike(stand: Stand) -> None:
    stand.quality_rules = {"revision": "abc", "rows": RULES["rows"][:1]}
    stand.bronze([Record(0, 0, 0, event(event_id="a", region="NA"))], 0)
    stand.run("silver")
    stand.run("dq")
    assert [row.rule for row in stand.read("dq.revenue_5m.samples").collect()] == ["region-known"]


def test_a_rule_for_information_is_counted_and_costs_no_samples(stand: Stand) -> None:
    region = {**RULES["rows"][0], "sampled": False}
    stand.quality_rules = {"revision": "abc", "rows": [region, RULES["rows"][1]]}
    stand.bronze([Record(0, 0, 0, event(event_id="a", region="NA"))], 0)
    stand.run("silver")
    stand.run("dq")
    (row,) = stand.read("dq.revenue_5m.metrics").collect()
    assert row.rule_failures == {"region-known": 1, "events-unique": 0}
    assert stand.newest_entry("dq.revenue_5m.samples").kind == "create"
    # A batch that is sampled for something else has none of it either.
    stand.bronze([Record(0, 1, 0, event(event_id="a", region="NA"))], 0)
    stand.run("silver")
    stand.run("dq")
    assert [row.rule for row in stand.read("dq.revenue_5m.samples").collect()] == ["events-unique"]


def test_at_most_a_hundred_samples_are_kept_of_a_batch_the_lowest_offsets_first(stand: Stand) -> None:
    columns = "'t' topic, 0 partition, 149 - id offset, array('BAD_AMOUNT') violations"
    events = (
        "event_id event_time ingest_time account_id event_type plan_tier region currency amount schema_version user_id"
    )
    nulls = ", ".join(f"null {name}" for name in [*events.split(), "source", "trace_id"])
    none = "cast(array() as array<string>) failed_rules"
    rows = stand.spark.range(150).selectExpr(*columns.split(", "), none, *nulls.split(", "))
    assert [row.offset for row in samples(rows, 0).collect()] == list(range(100))

    # However much the rules dislike, it is sampled after what breaks the contract.
    disliked = rows.withColumn("failed_rules", sf.array(sf.lit("odd")))
    disliked = disliked.withColumn("violations", sf.when(sf.col("offset") >= 60, sf.col("violations")))
    disliked = disliked.withColumn("violations", sf.coalesce("violations", sf.array().cast("array<string>")))
    found = [(row.dq_violation_reason, row.offset) for row in samples(disliked, 0).collect()]
    assert found == [("BAD_AMOUNT", n) for n in range(60, 150)] + [("odd", n) for n in range(10)]
