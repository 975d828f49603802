"""Silver on real streams: conservation, duplicates, replays after a crash, schemas learned on the way."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from penstock_jobs.job import JobRefused, RestartQuery, WaitingFor
from penstock_jobs.ledger import TableLedger
from tests.pipelines.sales.avro import CONTRACT, event, event_bytes, framed
from tests.pipelines.sales.stand import TOPIC, Record, Registry, Stand, micros


def test_waits_for_bronze_by_name(stand: Stand) -> None:
    with pytest.raises(WaitingFor, match=r"bronze\.sales_events"):
        stand.job("silver").prepare()


def test_every_record_gets_one_row_and_the_ledger_says_how_many_of_each(stand: Stand) -> None:
    stand.bronze(
        [
            Record(0, 0, 0, event(event_id="a")),
            Record(0, 1, 0, event(event_id="a")),
            Record(0, 2, 0, None, None),
            Record(1, 0, 0, event(event_id="b", region="MARS")),
            Record(1, 1, 100, event(event_id="c")),
            Record(2, 0, -100, event(event_id="d")),
        ],
        low_watermark=-100,
    )
    stand.run("silver")
    rows = stand.silver()
    assert [(row.partition, row.offset) for row in rows] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]
    assert [row.outcome for row in rows] == ["accepted", "duplicate", "undecodable", "invalid", "late", "future"]
    entry = stand.newest_entry("silver.sales_events")
    assert entry.rows == {"accepted": 1, "duplicate": 1, "undecodable": 1, "invalid": 1, "late": 1, "future": 1}
    assert (entry.rows_in, entry.batch, entry.low_watermark) == (6, 0, micros(-100))
    assert entry.through == {TOPIC: {"0": "3", "1": "2", "2": "1"}}


def test_refused_rows_keep_their_bytes_and_what_was_decoded_and_accepted_rows_do_not(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event()), Record(0, 1, 0, event()), Record(0, 2, 0, b"\x01x", None)], 0)
    stand.run("silver")
    accepted, duplicate, undecodable = stand.silver()
    assert (accepted.value, accepted.decoded) == (None, None)
    assert (bytes(duplicate.value), json.loads(duplicate.decoded)["event_id"]) == (event(), "e-1")
    assert (bytes(undecodable.value), undecodable.decoded) == (b"\x01x", None)


def test_a_copy_is_found_in_a_later_batch_and_after_a_restart(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], 0)
    stand.run("silver")
    stand.bronze([Record(1, 0, 1, event(event_id="a")), Record(1, 1, 1, event(event_id="b"))], 1)
    stand.run("silver")
    stand.bronze([Record(2, 0, 2, event(event_id=" b "))], 2)
    stand.run("silver")
    assert stand.outcomes() == {(0, 0): "accepted", (1, 0): "duplicate", (1, 1): "accepted", (2, 0): "duplicate"}


def test_of_a_hundred_copies_the_first_by_append_time_partition_and_offset_counts(stand: Stand) -> None:
    records = [Record(n % 3, n, 1 + n % 5, event(event_id="a")) for n in range(100)]
    stand.bronze(reversed(records), 1)
    stand.run("silver")
    accepted = [place for place, outcome in stand.outcomes().items() if outcome == "accepted"]
    assert accepted == [(0, 0)]
    assert Counter(stand.outcomes().values()) == {"accepted": 1, "duplicate": 99}


def test_a_refused_copy_never_blocks_a_good_one(stand: Stand) -> None:
    stand.bronze([Record(0, n, 0, event(event_id="a", region="MARS")) for n in range(3)], 0)
    stand.run("silver")
    stand.bronze([Record(0, 3, 100, event(event_id="a")), Record(0, 4, 1, event(event_id="a"))], 0)
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["invalid", "invalid", "invalid", "late", "accepted"]


def test_records_without_an_id_all_get_their_rows(stand: Stand) -> None:
    stand.bronze([Record(0, n, 0, event(event_id="")) for n in range(5)], 0)
    stand.run("silver")
    assert [row.outcome for row in stand.silver()] == ["invalid"] * 5


def test_a_partition_that_lags_far_behind_neither_loses_rows_nor_lets_copies_through(stand: Stand) -> None:
    # The fast partition is hours ahead; its copy in the slow one comes when the low watermark is past every horizon.
    hours = 36_000
    stand.bronze([Record(0, 0, hours, event(event_id="a", event_time="2026-01-01T10:00:00Z"))], 0)
    stand.run("silver")
    for step in range(1, 6):
        low = hours * step / 5
        good = event(event_id=f"slow-{step}", event_time=f"2026-01-01T{2 * step:02}:00:00Z")
        stand.bronze([Record(1, step, low, good)], low)
        stand.run("silver")
    stand.bronze([Record(1, 6, hours + 1, event(event_id="a", event_time="2026-01-01T10:00:00Z"))], hours)
    stand.run("silver")
    assert Counter(stand.outcomes().values()) == {"accepted": 6, "duplicate": 1}
    assert stand.outcomes()[(1, 6)] == "duplicate"


def test_old_rows_of_a_version_that_two_batches_share_are_not_lost(stand: Stand) -> None:
    # A backlog batch of bronze spans more than the dedup horizon, and silver takes its files one by one.
    stand.limits = {"maxFilesPerTrigger": 1}
    records = [
        Record(
            0, n, 200 * n, event(event_id=f"e{n}", event_time=f"2026-01-01T00:{200 * n // 60:02}:{200 * n % 60:02}Z")
        )
        for n in range(4)
    ]
    stand.spark.conf.set("spark.sql.files.maxRecordsPerFile", "1")
    try:
        stand.bronze(records, 600)
    finally:
        stand.spark.conf.unset("spark.sql.files.maxRecordsPerFile")
    stand.run("silver")
    assert [row.outcome for row in stand.silver()] == ["accepted"] * 4
    assert stand.newest_entry("silver.sales_events").batch == 3


def test_a_batch_that_spark_repeats_after_a_crash_is_not_written_twice_and_its_ids_stay_known(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], 0)
    stand.run("silver")
    stand.bronze([Record(0, 1, 1, event(event_id="b")), Record(0, 2, 1, event(event_id="a"))], 1)
    stand.run("silver")
    assert stand.forget_last_commit("silver") == 1
    stand.bronze([Record(0, 3, 2, event(event_id="b")), Record(0, 4, 2, event(event_id="c"))], 2)
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["accepted", "accepted", "duplicate", "duplicate", "accepted"]
    assert len(stand.silver()) == 5
    assert [data["batch"] for data in stand.reports.of("batch") if data["table"] == "silver.sales_events"] == [
        0,
        1,
        1,
        2,
    ]


def test_a_batch_that_failed_before_its_commit_is_done_again(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a")), Record(0, 1, 0, event(event_id="a"))], 0)
    stand.fence.shut = JobRefused("replaced")
    with pytest.raises(JobRefused):
        stand.run("silver")
    stand.fence.shut = None
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["accepted", "duplicate"]


def test_a_wiped_checkpoint_is_refused(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event())], 0)
    stand.run("silver")
    stand.checkpoint("silver").rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.run("silver")


def test_a_checkpoint_ahead_of_its_table_is_refused(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event())], 0)
    stand.run("silver")
    (stand.folder / "lake/silver.sales_events").rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match="rows would be missing"):
        stand.run("silver")


def test_a_tick_passes_the_low_watermark_on_in_an_empty_commit(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event())], 0)
    stand.run("silver")
    stand.tick(30)
    stand.run("silver")
    entry = stand.newest_entry("silver.sales_events")
    assert (entry.low_watermark, entry.rows_in, entry.batch) == (micros(30), 0, 1)
    assert entry.through == {TOPIC: {"0": "1"}}
    assert len(stand.silver()) == 1


def test_compaction_and_new_properties_of_bronze_do_no_harm(stand: Stand) -> None:
    for n in range(3):
        stand.bronze([Record(0, n, n, event(event_id=f"e{n}"))], n)
    stand.run("silver")
    bronze = stand.tables["bronze.sales_events"]
    stand.spark.sql(f"ALTER TABLE delta.`{bronze}` SET TBLPROPERTIES ('penstock.epoch' = '2')")
    stand.spark.sql(f"OPTIMIZE delta.`{bronze}`")
    stand.run("silver")
    stand.bronze([Record(0, 3, 3, event(event_id="e3"))], 3)
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["accepted"] * 4
    assert stand.newest_entry("silver.sales_events").low_watermark == micros(3)


def test_a_schema_registered_after_the_start_is_learned_before_its_records_are_judged(
    stand: Stand, registry: Registry
) -> None:
    stand.bronze([Record(0, 0, 0, event())], 0)
    stand.run("silver")
    registry.schemas[11] = {"schema": CONTRACT}
    stand.bronze([Record(0, 1, 0, framed(event_bytes(event_id="new"), 11), 11)], 0)
    with pytest.raises(RestartQuery):
        stand.run("silver")
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["accepted", "accepted"]


def test_an_id_that_the_registry_does_not_know_makes_the_record_undecodable(stand: Stand, registry: Registry) -> None:
    stand.bronze([Record(0, 0, 0, framed(event_bytes(), 99), 99)], 0)
    stand.run("silver")
    row = stand.silver()[0]
    assert (row.outcome, row.reasons) == ("undecodable", ["UNKNOWN_SCHEMA_ID"])
    assert "/schemas/ids/99" in registry.asked


def test_a_registry_that_does_not_answer_is_waited_for_and_named(stand: Stand, registry: Registry) -> None:
    stand.bronze([Record(0, 0, 0, framed(event_bytes(), 99), 99)], 0)
    registry.failing = True
    with pytest.raises(WaitingFor, match=registry.url):
        stand.run("silver")
    registry.failing = False
    job = stand.job("silver")
    job.prepare()
    registry.failing = True
    with pytest.raises(WaitingFor, match=registry.url):
        stand.run("silver", lambda _: job.process)
    registry.failing = False
    stand.run("silver")
    assert list(stand.outcomes().values()) == ["undecodable"]


def test_the_version_of_each_commit_is_reported(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], 0)
    stand.run("silver")
    stand.bronze([Record(0, 1, 0, event(event_id="b"))], 0)
    stand.run("silver")
    ledger = TableLedger(stand.tables["silver.sales_events"])
    for data in (data for data in stand.reports.of("batch") if data["table"] == "silver.sales_events"):
        entry = ledger.entry_of(data["version"])
        assert entry is not None
        assert entry.batch == data["batch"]
