"""Readers of a table whose log has forgotten what they have not read: they miss nothing and read nothing twice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row

from penstock_jobs import files, reading_copy
from penstock_jobs.housekeeping import Limits, TableHousekeeper, housekeeping_session
from penstock_jobs.job import Job, JobRefused, RestartQuery, WaitingFor
from penstock_jobs.ledger import TableLedger
from tests.pipelines.sales.lagging import BRONZE, SILVER, UPDATES, fill, finals, let_in, sums
from tests.pipelines.sales.stand import TOPIC, Stand

# Hundreds of small batches: too long for every run of the tests.
pytestmark = pytest.mark.long

EVERYTHING = Limits(checkpoint_interval=1, log_retention_ms=0, optimize_after=2, file_retention_ms=0, vacuum_every_ms=0)


@pytest.fixture(autouse=True)
def small(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a copy of few rows has several chunks with several versions in each, and few commits are a long log."""
    stand.housekeeping = {**stand.housekeeping, "checkpointInterval": 2}
    stand.limits = {"maxFilesPerTrigger": 4}
    monkeypatch.setattr(reading_copy, "_ROWS_PER_FILE", 12)
    monkeypatch.setattr(reading_copy, "_ROWS_PER_CHUNK", 50)


class Drained(Exception):
    """The batch was not let in."""


def forget(stand: Stand, table: str, readers: tuple[Path, ...] = ()) -> int:
    """Let housekeeping compact and clean a table of which all happened long ago; the oldest version that is left."""
    path = Path(stand.tables[table])
    long_ago = time.time() - 100 * 3600
    for file in path.glob("_delta_log/*"):
        if file.name[:20].isdigit():
            at = long_ago + int(file.name[:20]) * 300
            os.utime(file, (at, at))
    for file in path.rglob("*.parquet"):
        if file.parent.name != "_delta_log":
            os.utime(file, (0, 0))
    marker = stand.folder / "vacuumed"
    marker.touch()
    os.utime(marker, (0, 0))
    housekeeper = TableHousekeeper(housekeeping_session(stand.spark), table, str(path), str(marker))
    done = housekeeper.run(EVERYTHING, [str(checkpoint) for checkpoint in readers], 1_000_000, lambda: True)
    assert done, "housekeeping found nothing to do"
    oldest = TableLedger(str(path)).oldest_version()
    assert oldest is not None
    return oldest


def reader(stand: Stand, name: str, shared: str) -> Stand:
    """Another generation of what is made of a shared table."""
    other = Stand(stand.spark, stand.folder / name, stand.registry)
    other.tables[shared] = stand.tables[shared]
    other.limits = {"maxFilesPerTrigger": 20 if shared == SILVER else 4}
    return other


def rows(stand: Stand, table: str, *order: str) -> list[Row]:
    return stand.read(table).orderBy(*order).collect()


def silver_of(stand: Stand) -> list[Row]:
    return rows(stand, SILVER, "partition", "offset", "override")


def copies(stand: Stand, kind: str) -> list[str]:
    return files.list_names(f"{stand.checkpoint(kind)}.source")


def test_a_new_reader_of_a_forgotten_log_makes_the_same_silver(stand: Stand) -> None:
    fill(stand, range(8))
    stand.run("silver")
    stand.tick(7)
    assert forget(stand, BRONZE, (stand.checkpoint("silver"),)) > 2

    later = reader(stand, "later", BRONZE)
    said: list[str] = []
    later.say_waiting = said.append
    job = later.job("silver")
    job.prepare()
    version = TableLedger(stand.tables[BRONZE]).newest_version()
    assert said[0] == f"copying bronze.sales_events as it was at version {version}: 0 %"
    assert len(said) > 1
    # What comes while the copy is read is found in the table afterwards, even where housekeeping goes on.
    fill(stand, range(8, 10))
    held = (later.checkpoint("silver"),)
    forget(stand, BRONZE, held)
    later.run_prepared(job)
    assert len(later.progress) > 2, "it was read in several batches"
    forget(stand, BRONZE, held)
    fill(stand, range(10, 12))
    with pytest.raises(RestartQuery, match=r"the copy of bronze\.sales_events has been read"):
        job.idle()
    assert len(copies(later, "silver")) == 1
    later.run("silver")
    assert copies(later, "silver") == []

    stand.run("silver")
    assert silver_of(later) == silver_of(stand)
    ours, theirs = later.newest_entry(SILVER), stand.newest_entry(SILVER)
    assert (ours.through, ours.low_watermark) == (theirs.through, theirs.low_watermark)


def test_a_new_reader_is_told_of_every_offset_and_never_too_much_of_the_low_watermark(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half of the rows with one low watermark.
    monkeypatch.setattr(reading_copy, "_ROWS_PER_FILE", 24)
    fill(stand, range(6))
    stand.tick(9)
    forget(stand, BRONZE)
    later = reader(stand, "later", BRONZE)
    later.limits = {"maxFilesPerTrigger": 1}
    later.run("silver")
    ledger = TableLedger(later.tables[SILVER])
    entries = [entry for version in range((ledger.newest_version() or 0) + 1) if (entry := ledger.entry_of(version))]
    batches = [entry for entry in entries if entry.kind == "batch"]
    seen: set[tuple[int, int]] = set()
    table = later.read(SILVER).selectExpr("*", "unix_micros(low_watermark) AS mark").collect()
    for entry in batches:
        through = {int(partition): int(end) for partition, end in entry.through[TOPIC].items()}
        below = {(row.partition, row.offset) for row in table if row.offset < through.get(row.partition, 0)}
        assert len(below - seen) == entry.rows_in, "each batch ends where its entry says"
        seen = below
        left = [row.mark for row in table if row.offset >= through.get(row.partition, 0)]
        assert entry.low_watermark is not None
        assert not left or entry.low_watermark < min(left), "what is still to come is younger"
    newest, bronze = batches[-1], stand.newest_entry(BRONZE)
    assert (newest.through, newest.low_watermark) == (bronze.through, bronze.low_watermark)


def test_a_reader_that_was_stopped_for_too_long_goes_on_exactly(stand: Stand) -> None:
    fill(stand, range(3))
    stand.run("silver")
    witness = reader(stand, "witness", BRONZE)
    fill(stand, range(3, 8))
    witness.run("silver")
    forget(stand, BRONZE)
    job = stand.run("silver")
    assert len(copies(stand, "silver")) == 1
    # The state store has to see the last batch once more; the table has it already.
    stand.forget_last_commit("silver")
    stand.run("silver")
    with pytest.raises(RestartQuery):
        job.idle()
    assert silver_of(stand) == silver_of(witness)
    fill(stand, range(8, 10))
    stand.run("silver")
    witness.run("silver")
    assert silver_of(stand) == silver_of(witness)
    assert copies(stand, "silver") == []


def test_a_copying_that_was_interrupted_begins_anew(stand: Stand) -> None:
    fill(stand, range(8))
    stand.run("silver")
    forget(stand, BRONZE)
    later = reader(stand, "later", BRONZE)

    def stop(text: str) -> None:
        if not text.endswith(" 0 %"):
            raise WaitingFor(text)

    later.say_waiting = stop
    with pytest.raises(WaitingFor, match=r"copying bronze\.sales_events as it was at version \d+: \d\d %"):
        later.job("silver").prepare()
    assert [name.split("@")[1] for name in copies(later, "silver")] == ["part"]
    later.say_waiting = None
    later.run("silver")
    assert [name.split("@")[1] for name in copies(later, "silver")] != ["part"]
    later.run("silver")
    assert silver_of(later) == silver_of(stand)
    assert copies(later, "silver") == []


def test_gold_of_a_forgotten_silver_has_the_same_sums_and_counts_what_was_let_in_once(stand: Stand) -> None:
    stand.limits = {"maxFilesPerTrigger": 1}
    fill(stand, range(6))
    stand.run("silver")
    stand.limits = {"maxFilesPerTrigger": 20}
    early = reader(stand, "early", SILVER)
    early.run("gold")
    let_in(stand, 1, 5)
    fill(stand, range(6, 12))
    stand.limits = {"maxFilesPerTrigger": 1}
    stand.run("silver")
    stand.limits = {"maxFilesPerTrigger": 20}
    stand.run("gold")
    forget(stand, SILVER)
    later = reader(stand, "later", SILVER)
    later.run("gold")
    fill(stand, range(20, 22))
    stand.run("silver")
    for other in (stand, later):
        other.run("gold")
    assert sums(later) == sums(stand)
    assert finals(later) == finals(stand)
    ours, theirs = later.newest_entry(UPDATES), stand.newest_entry(UPDATES)
    assert (ours.through, ours.low_watermark) == (theirs.through, theirs.low_watermark)
    # Nobody had said that this one reads. It stands at the low watermark at which the record was let in, before that or
    # behind it: the log has forgotten which.
    with pytest.raises(JobRefused, match=r"the commits of the overrides \[1\] are among them"):
        early.job("gold").prepare()


def test_gold_that_was_stopped_counts_each_row_once(stand: Stand) -> None:
    stand.limits = {"maxFilesPerTrigger": 1}
    fill(stand, range(4))
    stand.run("silver")
    stand.limits = {"maxFilesPerTrigger": 20}
    stand.run("gold")
    stand.limits = {"maxFilesPerTrigger": 1}
    fill(stand, range(4, 6))
    stand.run("silver")
    let_in(stand, 1, 5)
    fill(stand, range(6, 12))
    stand.run("silver")
    witness = reader(stand, "witness", SILVER)
    witness.run("gold")
    forget(stand, SILVER)
    stand.limits = {"maxFilesPerTrigger": 20}
    for _ in range(2):
        stand.run("gold")
    assert sums(stand) == sums(witness)
    assert finals(stand) == finals(witness)
    assert copies(stand, "gold") == []


def test_a_batch_that_was_planned_and_not_written_gets_what_there_is(stand: Stand) -> None:
    fill(stand, range(3))
    stand.run("silver")
    fill(stand, range(3, 8))
    witness, begun = reader(stand, "witness", BRONZE), reader(stand, "begun", BRONZE)
    witness.run("silver")

    def stop(_: Job) -> Callable[[DataFrame, int], None]:
        def process(batch: DataFrame, batch_id: int) -> None:
            raise Drained

        return process

    # As a drain under traffic leaves them: Spark had planned the next batch.
    for each in (stand, begun):
        with pytest.raises(Drained):
            each.run("silver", stop)
    forget(stand, BRONZE)
    for each in (stand, begun):
        each.run("silver")
        assert len(copies(each, "silver")) == 1
        each.run("silver")
        assert silver_of(each) == silver_of(witness)
        assert copies(each, "silver") == []


def test_a_batch_that_was_written_and_not_counted_as_done_cannot_be_had_once_more(stand: Stand) -> None:
    fill(stand, range(4))
    stand.run("silver")
    stand.forget_last_commit("silver")
    fill(stand, range(4, 8))
    forget(stand, BRONZE)
    with pytest.raises(JobRefused, match=r"batch 0 was written and has to be seen once more.*a replay of this job"):
        stand.job("silver").prepare()


def test_a_full_disk_is_named_with_what_is_needed(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stand, range(4))
    forget(stand, BRONZE)
    later = reader(stand, "later", BRONZE)
    monkeypatch.setattr(files, "free_bytes", lambda _: 3 * 1024 * 1024)
    with pytest.raises(WaitingFor, match=r"waiting for room on the disk .* needs 256 MB, of which 3 MB are free"):
        later.job("silver").prepare()
    assert copies(later, "silver") == []
