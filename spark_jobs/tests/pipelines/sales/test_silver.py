"""Silver on real streams: conservation, duplicates, replays after a crash, schemas learned on the way."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import Row

from penstock_jobs.job import JobRefused, RestartQuery, WaitingFor
from penstock_jobs.ledger import TableLedger
from tests.pipelines.sales.avro import CONTRACT, event, event_bytes, framed
from tests.pipelines.sales.stand import TOPIC, Record, Registry, Stand, micros

NAME = "silver.sales_events"


def test_waits_for_bronze_by_name(stand: Stand) -> None:
    with pytest.raises(WaitingFor, match=r"bronze\.sales_events"):
        stand.job("silver").prepare()


def test_every_record_gets_one_row_and_the_ledger_says_how_many_of_each(stand: Stand) -> None:
    stand.bronze(
        [
            Record(0, 0, 0, event(event_id="a"), key=b"k", headers={"h": b"1"}),
            Record(0, 1, 0, event(event_id="a"), key=b"k", headers={"h": b"2"}),
            Record(0, 2, 0, b"\x01x", None),
            Record(1, 0, 0, event(event_id="b", region="MARS")),
            Record(1, 1, 100, event(event_id="c")),
            Record(2, 0, -100, event(event_id="d")),
            # Records without an id must not stand in for each other.
            *[Record(3, n, 0, event(event_id="")) for n in range(3)],
            # Of a hundred copies the first by append time, partition and offset counts.
            *[Record(4 + n % 2, n, 2 + n % 5, event(event_id="many")) for n in reversed(range(1, 101))],
        ],
        low_watermark=-100,
    )
    stand.run("silver")
    rows = stand.silver()
    assert [row.outcome for row in rows[:9]] == [
        "accepted", "duplicate", "undecodable", "invalid", "late", "future", "invalid", "invalid", "invalid",
    ]  # fmt: skip
    copies = rows[9:]
    assert Counter(row.outcome for row in copies) == {"accepted": 1, "duplicate": 99}
    assert [(row.partition, row.offset) for row in copies if row.outcome == "accepted"] == [(4, 10)]
    assert len({(row.partition, row.offset) for row in rows}) == len(rows) == 109

    entry = stand.newest_entry(NAME)
    assert entry.rows == {"accepted": 2, "duplicate": 100, "undecodable": 1, "invalid": 4, "late": 1, "future": 1}
    assert (entry.rows_in, entry.batch, entry.low_watermark) == (109, 0, micros(-100))
    assert entry.through == {TOPIC: {"0": "3", "1": "2", "2": "1", "3": "3", "4": "3", "5": "2"}}

    accepted, duplicate, undecodable = rows[:3]
    # A refused record can be written elsewhere as it came: with its key and its headers.
    assert (accepted.value, accepted.decoded, accepted.key, accepted.headers) == (None, None, None, None)
    assert (bytes(duplicate.key), duplicate.headers) == (b"k", [Row(key="h", value=bytearray(b"2"))])
    assert (undecodable.key, undecodable.headers, undecodable.extra, undecodable.override) == (None, None, None, None)
    assert (bytes(duplicate.value), json.loads(duplicate.decoded)["event_id"]) == (event(event_id="a"), "a")
    assert (bytes(undecodable.value), undecodable.decoded) == (b"\x01x", None)


def test_a_record_is_decoded_once_for_its_row_and_once_for_its_id(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], low_watermark=0)
    job = stand.job("silver")
    job.prepare()
    query: Any = job.source().writeStream.foreachBatch(lambda rows, _: rows.count()).start()
    try:
        query.processAllAvailable()
        plan = query._jsq.streamingQuery().lastExecution().optimizedPlan().toString()
    finally:
        query.stop()
    assert plan.count("from_avro(") == 2


def test_copies_are_found_in_later_batches_after_restarts_and_after_a_crash(stand: Stand) -> None:
    # A refused copy never blocks a good one.
    stand.bronze([Record(0, 0, 0, event(event_id="a")), Record(0, 1, 0, event(event_id="b", region="MARS"))], 0)
    stand.run("silver")
    stand.bronze([Record(0, 2, 1, event(event_id=" a ")), Record(0, 3, 1, event(event_id="b"))], 1)
    stand.run("silver")
    # The crash comes between the commit of the table and that of the batch: Spark repeats the batch.
    assert stand.forget_last_commit("silver") == 1
    bronze = stand.tables["bronze.sales_events"]
    stand.spark.sql(f"ALTER TABLE delta.`{bronze}` SET TBLPROPERTIES ('penstock.epoch' = '2')")
    stand.spark.sql(f"OPTIMIZE delta.`{bronze}`")
    stand.tick(2)
    stand.bronze([Record(0, 4, 3, event(event_id="b")), Record(0, 5, 3, event(event_id="c"))], 3)
    stand.run("silver")
    outcomes = ["accepted", "invalid", "duplicate", "accepted", "duplicate", "accepted"]
    assert [row.outcome for row in stand.silver()] == outcomes
    reported = [data for data in stand.reports.of("batch") if data["table"] == NAME]
    assert [data["batch"] for data in reported] == [0, 1, 1, 2]
    for data in reported:
        entry = TableLedger(stand.tables[NAME]).entry_of(data["version"])
        assert entry is not None
        assert entry.batch == data["batch"]


def test_sparks_own_counts_agree_with_the_ledger(stand: Stand) -> None:
    # What the control plane compares: its factor of two is that each row is read for itself and for its id.
    copies = [Record(0, n, 0, event(event_id=f"e{n % 3}")) for n in range(7)]
    stand.bronze([*copies, Record(1, 0, 0, event(event_id="bad", region="MARS"))], 0)
    stand.run("silver")
    stand.bronze([Record(0, n, 1, event(event_id=f"e{n % 5}")) for n in range(7, 12)], 1)
    stand.run("silver")
    entry, progress = stand.newest_entry(NAME), stand.progress[-1]
    dropped = progress["stateOperators"][0]["customMetrics"]["numDroppedDuplicateRows"]
    assert (progress["batchId"], progress["numInputRows"], dropped) == (entry.batch, 2 * entry.rows_in, 3)
    assert entry.rows == {"accepted": 2, "duplicate": 3}


def test_a_tick_passes_the_low_watermark_on_and_a_checkpoint_that_does_not_fit_is_refused(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event())], 0)
    stand.fence.shut = JobRefused("replaced")
    with pytest.raises(JobRefused, match="replaced"):
        stand.run("silver")
    stand.fence.shut = None
    stand.run("silver")
    stand.tick(30)
    stand.run("silver")
    entry = stand.newest_entry(NAME)
    assert (entry.low_watermark, entry.rows_in, entry.batch) == (micros(30), 0, 1)
    assert entry.through == {TOPIC: {"0": "1"}}
    assert [row.outcome for row in stand.silver()] == ["accepted"]

    checkpoint = stand.checkpoint("silver")
    checkpoint.rename(stand.folder / "wiped")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.job("silver").prepare()
    (stand.folder / "wiped").rename(checkpoint)
    (stand.folder / "lake" / NAME).rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match="rows would be missing"):
        stand.job("silver").prepare()


def test_a_partition_that_lags_far_behind_neither_loses_rows_nor_lets_copies_through(stand: Stand) -> None:
    # The fast partition is hours ahead; its copy in the slow one comes when the low watermark is past every horizon.
    hours = 36_000
    stand.bronze([Record(0, 0, hours, event(event_id="a", event_time="2026-01-01T10:00:00Z"))], 0)
    stand.run("silver")
    for step, low in enumerate((hours / 2, hours)):
        good = event(event_id=f"slow-{step}", event_time=f"2026-01-01T{5 * (step + 1):02}:00:00Z")
        stand.bronze([Record(1, step, low, good)], low)
        stand.run("silver")
    stand.bronze([Record(1, 2, hours + 1, event(event_id="a", event_time="2026-01-01T10:00:00Z"))], hours)
    stand.run("silver")
    assert list(stand.outcomes().items()) == [
        ((0, 0), "accepted"),
        ((1, 0), "accepted"),
        ((1, 1), "accepted"),
        ((1, 2), "duplicate"),
    ]


def test_old_rows_of_a_version_that_two_batches_share_are_not_lost(stand: Stand) -> None:
    # A backlog batch of bronze spans more than the dedup horizon, and silver takes its files one by one.
    stand.limits = {"maxFilesPerTrigger": 1}
    times = {0: "00:00:00", 200: "00:03:20", 600: "00:10:00"}
    records = [
        Record(0, n, at, event(event_id=f"e{n}", event_time=f"2026-01-01T{time}Z"))
        for n, (at, time) in enumerate(times.items())
    ]
    stand.spark.conf.set("spark.sql.files.maxRecordsPerFile", "1")
    try:
        stand.bronze(records, 600)
    finally:
        stand.spark.conf.unset("spark.sql.files.maxRecordsPerFile")
    stand.run("silver")
    assert [row.outcome for row in stand.silver()] == ["accepted"] * 3
    assert stand.newest_entry(NAME).batch == 2


def test_schemas_are_learned_on_the_way_and_a_silent_registry_is_waited_for(stand: Stand, registry: Registry) -> None:
    stand.bronze([Record(0, 0, 0, framed(event_bytes(), 99), 99), Record(0, 1, 0, framed(event_bytes(), 11), 11)], 0)
    registry.failing = True
    with pytest.raises(WaitingFor, match=registry.url):
        stand.job("silver").prepare()
    registry.failing = False
    registry.schemas[11] = {"schema": CONTRACT}
    job = stand.job("silver")
    job.prepare()
    registry.failing = True
    with pytest.raises(WaitingFor, match=registry.url):
        stand.run_prepared(job)
    registry.failing = False
    with pytest.raises(RestartQuery, match="11"):
        stand.run("silver")
    stand.run("silver")
    unknown, learned = stand.silver()
    assert (unknown.outcome, unknown.reasons) == ("undecodable", ["UNKNOWN_SCHEMA_ID"])
    assert learned.outcome == "accepted"


def test_what_another_look_has_learned_has_the_query_planned_anew_as_well(stand: Stand, registry: Registry) -> None:
    # The batch was planned, and read, when the id was unknown; by now it is known, but not to this plan.
    stand.bronze([Record(0, 0, 0, framed(event_bytes(event_id="a"), 99), 99)], 0)
    job = stand.job("silver")
    job.prepare()
    registry.schemas[99] = {"schema": CONTRACT}
    for _ in range(2):
        with pytest.raises(RestartQuery, match="99"):
            stand.run_prepared(job)
    job.prepare()
    stand.run_prepared(job)
    assert [row.outcome for row in stand.silver()] == ["accepted"]
