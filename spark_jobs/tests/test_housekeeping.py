from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.housekeeping import Limits, TableHousekeeper, housekeeping_session, next_version
from tests.waiting import eventually

HOUR_MS = 3_600_000
LIMITS = Limits(
    checkpoint_interval=4,
    log_retention_ms=2 * HOUR_MS,
    optimize_after=8,
    file_retention_ms=4 * HOUR_MS,
    vacuum_every_ms=6 * HOUR_MS,
)
COMMITS = 13
NEWEST_ENTRY = 9


def append(spark: SparkSession, path: str, number: int, entry: bool) -> None:
    """One commit of one row, with a ledger entry or without."""
    writer = spark.range(number, number + 1).toDF("n").coalesce(1).write.format("delta").mode("append")
    if entry:
        writer = writer.option("userMetadata", json.dumps({"penstock": 1, "batch": number}))
    writer.save(path)


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Delta table of 13 commits with checkpoints 4, 8 and 12, of which each test takes a copy."""
    path = tmp_path_factory.mktemp("template") / "table"
    spark.sql(
        f"CREATE TABLE delta.`{path}` (n BIGINT) USING delta TBLPROPERTIES "
        "('delta.checkpointInterval' = '4', 'delta.enableExpiredLogCleanup' = 'false')"
    )
    for number in range(COMMITS):
        append(spark, str(path), number, entry=number < NEWEST_ENTRY)
    return path


class Table:
    """A table whose past can be moved further back."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.path = str(folder / "table")
        self.log = folder / "table" / "_delta_log"
        self.marker = folder / "vacuumed"
        self.rows = COMMITS
        self.harvested: int | None = 1_000
        self.restart()

    def restart(self) -> None:
        """Housekeeping as after a start of the runner: without memory."""
        self.housekeeper = TableHousekeeper(housekeeping_session(self.spark), "t", self.path, str(self.marker))

    def append(self, commits: int) -> None:
        for _ in range(commits):
            append(self.spark, self.path, self.rows, entry=True)
            self.rows += 1

    def age(self, hours: float, upto: int) -> None:
        """Let a version have happened so many hours ago, those before it five minutes apart, and its files long ago."""
        now = time.time()
        for file in self.log.iterdir():
            number = file.name.lstrip(".").split(".")[0]
            if number.isdigit() and int(number) <= upto:
                at = now - hours * 3600 - (upto - int(number)) * 300
                os.utime(file, (at, at))
        for file in Path(self.path).glob("*.parquet"):
            os.utime(file, (0, 0))

    def commits(self) -> list[int]:
        return sorted(int(file.stem) for file in self.log.glob("*.json"))

    def data_files(self) -> int:
        return len(list(Path(self.path).glob("*.parquet")))

    def values(self) -> list[int]:
        return sorted(row.n for row in self.spark.read.format("delta").load(self.path).collect())

    def keep(self, readers: list[Reader], limits: Limits = LIMITS) -> list[str]:
        checkpoints = [str(reader.checkpoint) for reader in readers]
        done = self.housekeeper.run(limits, checkpoints, self.harvested, lambda: True)
        return [step["action"] for step in done]

    def vacuum_is_due(self) -> None:
        self.marker.touch()
        os.utime(self.marker, (0, 0))


class Crash(Exception):
    """Ends a reader in the middle."""


class Reader:
    """A real streaming reader of the table that can be stopped and go on."""

    def __init__(self, table: Table, name: str, files_per_batch: int = 100) -> None:
        self.table = table
        self.checkpoint = table.folder / name
        self.files_per_batch = files_per_batch
        self.seen: list[int] = []

    def read(self, batches: int = 1_000) -> None:
        """Read up to the end of the table, or crash in the batch after so many."""
        done: list[int] = []

        def take(batch: DataFrame, batch_id: int) -> None:
            if len(done) == batches:
                raise Crash
            self.seen += [row.n for row in batch.collect()]
            done.append(batch_id)

        stream = self.table.spark.readStream.format("delta").option("startingVersion", "0")
        query = (
            stream.option("maxFilesPerTrigger", str(self.files_per_batch))
            .load(self.table.path)
            .writeStream.foreachBatch(take)
            .option("checkpointLocation", str(self.checkpoint))
            .trigger(availableNow=True)
            .start()
        )
        eventually(lambda: not query.isActive)
        failure = query.exception()
        assert failure is None or len(done) == batches, failure


@pytest.fixture
def table(spark: SparkSession, template: Path, tmp_path: Path) -> Table:
    shutil.copytree(template, tmp_path / "table")
    return Table(spark, tmp_path)


def test_the_log_becomes_short_and_the_table_reads_the_same(table: Table) -> None:
    reader = Reader(table, "reader", files_per_batch=6)
    reader.read()
    table.age(3, upto=11)
    before, names = table.values(), len(list(table.log.iterdir()))
    assert table.keep([reader]) == ["optimize", "log"]
    assert table.commits()[0] == 8, "the newest checkpoint before the newest ledger entry"
    assert "userMetadata" in (table.log / f"{NEWEST_ENTRY:020d}.json").read_text()
    assert len(list(table.log.iterdir())) < names * 2 / 3
    assert table.values() == before
    table.append(1)
    reader.read()
    assert sorted(reader.seen) == table.values()
    assert table.keep([reader]) == []


def test_a_reader_that_lags_finds_all_versions_and_files(table: Table) -> None:
    fast, slow = Reader(table, "fast"), Reader(table, "slow", files_per_batch=1)
    slow.read(batches=3)
    fast.read()
    assert "optimize" in table.keep([fast, slow])
    # As if the compaction had happened long ago, too: its tombstones are older than the retention.
    table.age(50, upto=14)
    table.append(1)
    table.vacuum_is_due()
    assert "vacuum" in table.keep([fast, slow])
    assert next_version(str(slow.checkpoint), table.housekeeper._table_id()) in (3, 4)
    assert table.commits()[0] <= 2
    slow.files_per_batch = 100
    slow.read()
    assert sorted(slow.seen) == table.values()


def test_with_all_readers_caught_up_old_files_go_when_it_is_time(table: Table) -> None:
    reader = Reader(table, "reader")
    reader.read()
    assert table.keep([reader]) == ["optimize"]
    assert table.marker.exists(), "the clock of VACUUM must survive a restart"
    table.append(1)
    reader.read()
    table.age(50, upto=14)
    files = table.data_files()
    without_retention = replace(LIMITS, file_retention_ms=0)
    assert "vacuum" not in table.keep([reader], without_retention)
    table.vacuum_is_due()
    table.restart()
    assert "vacuum" in table.keep([reader], without_retention)
    assert table.data_files() == files - COMMITS
    assert table.values() == list(range(COMMITS + 1))
    table.append(1)
    reader.read()
    assert sorted(reader.seen) == table.values()


def test_readers_that_never_read_or_only_once_hold_everything(table: Table) -> None:
    table.age(100, upto=COMMITS)
    table.vacuum_is_due()
    never = Reader(table, "never")
    # The one that read a single batch would ask for the version it began with.
    once = Reader(table, "once")
    once.read()
    assert "log" not in table.keep([never])
    assert "log" not in table.keep([once])
    assert table.commits()[0] == 0
    table.append(1)
    once.read()
    assert sorted(once.seen) == table.values()
    never.read()
    assert sorted(never.seen) == table.values()


def test_commits_stay_until_their_ledger_entries_are_harvested(table: Table) -> None:
    table.age(100, upto=COMMITS)
    table.harvested = None
    assert "log" not in table.keep([])
    table.harvested = 2
    table.keep([])
    assert table.commits()[0] <= 3, "the entry of version 3 is nowhere else"
    table.harvested = 3
    assert "log" in table.keep([])
    assert table.commits()[0] == 4
    assert table.values() == list(range(COMMITS))


def test_compaction_counts_from_the_last_one_found_in_the_log(table: Table) -> None:
    limits = replace(LIMITS, optimize_after=2, checkpoint_interval=100)
    assert table.keep([], limits) == ["optimize"]
    table.restart()
    assert table.keep([], limits) == []
    table.append(2)
    assert table.keep([], limits) == ["optimize"]
    assert table.values() == list(range(COMMITS + 2))


def test_nothing_is_begun_when_the_job_may_not_go_on(table: Table) -> None:
    assert table.housekeeper.run(LIMITS, [], 1_000, lambda: False) == []
    assert len(table.commits()) == COMMITS + 1
