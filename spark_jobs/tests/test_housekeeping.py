from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.housekeeping import Limits, TableHousekeeper, housekeeping_session, next_version
from tests.waiting import eventually

HOUR_MS = 3_600_000
LIMITS = Limits(
    checkpoint_interval=10,
    log_retention_ms=2 * HOUR_MS,
    optimize_after=20,
    file_retention_ms=4 * HOUR_MS,
    vacuum_every_ms=6 * HOUR_MS,
)


class Table:
    """A real Delta table with one row per commit, whose past can be moved further back."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.path = str(folder / "table")
        self.log = folder / "table" / "_delta_log"
        self.marker = folder / "vacuumed"
        self.housekeeper = TableHousekeeper(housekeeping_session(spark), "t", self.path, str(self.marker))
        self.rows = 0
        spark.sql(
            f"CREATE TABLE delta.`{self.path}` (n BIGINT) USING delta TBLPROPERTIES "
            "('delta.checkpointInterval' = '10', 'delta.enableExpiredLogCleanup' = 'false')"
        )

    def append(self, commits: int, entries: bool = True) -> None:
        for _ in range(commits):
            writer = (
                self.spark.range(self.rows, self.rows + 1).toDF("n").coalesce(1).write.format("delta").mode("append")
            )
            if entries:
                writer = writer.option("userMetadata", json.dumps({"penstock": 1, "batch": self.rows}))
            writer.save(self.path)
            self.rows += 1

    def age(self, hours: float, upto: int | None = None) -> None:
        """Let everything up to a version have happened that many hours ago: commits, checkpoints and data files."""
        at = time.time() - hours * 3600
        for file in self.log.iterdir():
            number = file.name.lstrip(".").split(".")[0]
            if number.isdigit() and (upto is None or int(number) <= upto):
                os.utime(file, (at, at))
        for file in Path(self.path).glob("*.parquet"):
            os.utime(file, (at, at))

    def commits(self) -> list[int]:
        return sorted(int(file.stem) for file in self.log.glob("*.json"))

    def data_files(self) -> int:
        return len(list(Path(self.path).glob("*.parquet")))

    def values(self) -> list[int]:
        return sorted(row.n for row in self.spark.read.format("delta").load(self.path).collect())

    def keep(self, readers: list[Path], limits: Limits = LIMITS) -> list[str]:
        done = self.housekeeper.run(limits, [str(reader) for reader in readers], lambda: True)
        return [step["action"] for step in done]

    def vacuum_is_due(self) -> None:
        self.marker.touch()
        os.utime(self.marker, (0, 0))


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Table:
    return Table(spark, tmp_path)


class Reader:
    """A real streaming reader of the table that can be stopped and go on."""

    def __init__(self, table: Table, name: str) -> None:
        self.table = table
        self.checkpoint = table.folder / name
        self.seen: list[int] = []

    def read(self) -> None:
        """Read up to the end of the table, in small batches."""

        def take(batch: DataFrame, _batch_id: int) -> None:
            self.seen += [row.n for row in batch.collect()]

        stream = self.table.spark.readStream.format("delta").option("startingVersion", "0")
        stream = stream.option("maxFilesPerTrigger", "8")
        query = (
            stream.load(self.table.path)
            .writeStream.foreachBatch(take)
            .option("checkpointLocation", str(self.checkpoint))
            .trigger(availableNow=True)
            .start()
        )
        eventually(lambda: not query.isActive)
        assert query.exception() is None


def test_the_log_becomes_short_and_the_table_reads_the_same(table: Table) -> None:
    reader = Reader(table, "reader")
    table.append(44)
    reader.read()
    table.age(3, upto=34)
    before = table.values()
    names = len(list(table.log.iterdir()))
    assert table.keep([reader.checkpoint]) == ["optimize", "log"]
    assert table.commits()[0] == 30, "up to the newest checkpoint beyond the cut-off"
    assert len(list(table.log.iterdir())) < names / 2
    assert table.values() == before
    table.append(3)
    reader.read()
    assert sorted(reader.seen) == table.values()
    assert table.keep([reader.checkpoint]) == []


def test_a_reader_that_lags_finds_all_versions_and_files(table: Table) -> None:
    fast, slow = Reader(table, "fast"), Reader(table, "slow")
    table.append(15)
    slow.read()
    table.append(30)
    fast.read()
    table.age(100, upto=45)
    table.vacuum_is_due()
    checkpoints = [fast.checkpoint, slow.checkpoint]
    assert "optimize" in table.keep(checkpoints)
    # As if the compaction had happened long ago, too: its tombstones are older than any retention.
    table.age(50, upto=46)
    table.vacuum_is_due()
    table.keep(checkpoints)
    assert next_version(str(slow.checkpoint), table.housekeeper._table_id()) == 16
    assert table.commits()[0] <= 16
    slow.read()
    assert sorted(slow.seen) == table.values()


def test_with_all_readers_caught_up_old_files_go(table: Table) -> None:
    reader = Reader(table, "reader")
    table.append(25)
    reader.read()
    assert table.keep([reader.checkpoint]) == ["optimize"]
    table.age(100)
    table.append(1)
    reader.read()
    files = table.data_files()
    table.vacuum_is_due()
    no_retention = replace(LIMITS, file_retention_ms=0)
    assert table.keep([reader.checkpoint], no_retention) == ["vacuum"]
    assert table.data_files() == files - 25
    assert table.values() == list(range(26))
    table.append(2)
    reader.read()
    assert sorted(reader.seen) == list(range(28))


def test_a_reader_that_never_read_holds_everything(table: Table) -> None:
    table.append(44)
    table.age(100)
    table.vacuum_is_due()
    files = table.data_files()
    never = Reader(table, "never")
    assert "log" not in table.keep([never.checkpoint])
    assert table.commits()[0] == 0
    assert table.data_files() >= files
    never.read()
    assert sorted(never.seen) == table.values()


def test_the_newest_ledger_entry_survives_however_old_it_is(table: Table) -> None:
    table.append(23)
    table.append(20, entries=False)
    table.age(100)
    table.keep([])
    assert table.commits()[0] <= 23
    assert "userMetadata" in (table.log / f"{23:020d}.json").read_text()


def test_compaction_counts_from_the_last_one_found_in_the_log(table: Table) -> None:
    table.append(20)
    assert table.keep([]) == ["optimize"]
    table.append(10)
    again = Table.__new__(Table)
    again.__dict__.update(table.__dict__)
    again.housekeeper = TableHousekeeper(housekeeping_session(table.spark), "t", table.path, str(table.marker))
    assert again.keep([]) == []
    table.append(10)
    assert again.keep([]) == ["optimize"]
    assert table.values() == list(range(40))


def test_nothing_is_begun_when_the_job_may_not_go_on(table: Table) -> None:
    table.append(25)
    assert table.housekeeper.run(LIMITS, [], lambda: False) == []
    assert len(table.commits()) == 26


def test_the_clock_of_vacuum_survives_a_restart(table: Table) -> None:
    table.append(1)
    assert table.keep([]) == []
    assert table.marker.exists()
    table.vacuum_is_due()
    assert table.keep([]) == ["vacuum"]
    assert table.keep([]) == []
