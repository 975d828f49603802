"""Two runs of one job: what the older one still has in flight never gets into the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.fencing import EpochFence
from penstock_jobs.job import JobContext, JobRefused
from penstock_jobs.tables import OutputTable, TableSpec
from tests.pipelines.sales.stand import Stand

SPEC = TableSpec("silver.sales_events", "id BIGINT NOT NULL", ())


@dataclass
class FreezingFence:
    """A run that is frozen for as long as something else happens, right after its check or right before it."""

    fence: EpochFence
    after_check: Callable[[], None] = lambda: None
    before_check: Callable[[], None] = lambda: None

    def check(self) -> None:
        before, self.before_check = self.before_check, lambda: None
        before()
        self.fence.check()
        after, self.after_check = self.after_check, lambda: None
        after()


@pytest.fixture
def stand(spark: SparkSession, tmp_path: Path) -> Stand:
    return Stand(spark, tmp_path, "http://127.0.0.1:1")


def run(stand: Stand, epoch: int) -> tuple[OutputTable, FreezingFence]:
    """A run of sales.silver that has claimed its epoch and opened its table."""
    job = stand.job("silver", epoch).context
    fence = EpochFence(job.assignment.spec["checkpoint"], epoch)
    fence.claim(f"test {epoch}")
    freezing = FreezingFence(fence)
    table = OutputTable(JobContext(stand.spark, job.assignment, freezing, stand.reports), SPEC)
    table.open(None)
    return table, freezing


def append(table: OutputTable, number: int) -> int:
    rows = table._context.spark.range(number, number + 1)
    return table.append(rows, table.new_entry("batch", batch=number), 1)


def log(stand: Stand) -> list[dict[str, Any]]:
    """One entry per version: its epoch, from the ledger entry or from the property that it sets."""
    found = []
    for path in sorted(Path(stand.tables[SPEC.name], "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
        entry = json.loads(info.get("userMetadata", "null"))
        metadata = next((action["metaData"]["configuration"] for action in actions if "metaData" in action), {})
        written = entry["epoch"] if entry else int(metadata["penstock.epoch.sales.silver"])
        found.append({"what": entry["kind"] if entry else info["operation"], "epoch": written})
    return found


def epochs(stand: Stand) -> list[int]:
    return [entry["epoch"] for entry in log(stand)]


def test_a_run_writes_its_epoch_into_its_tables_before_it_reads_their_position(stand: Stand) -> None:
    first, _ = run(stand, 1)
    append(first, 0)
    assert [entry["what"] for entry in log(stand)] == ["create", "batch"], "a new table needs no second commit"
    second, _ = run(stand, 2)
    assert log(stand)[2] == {"what": "SET TBLPROPERTIES", "epoch": 2}
    assert (second.version, second.last_batch) == (2, 0)
    second.open(None)
    assert second.version == 2, "once per run, however often its query is planned anew"


def test_a_run_frozen_between_its_check_and_its_commit_writes_nothing(stand: Stand) -> None:
    old, freezing = run(stand, 1)
    append(old, 0)
    newer: list[OutputTable] = []

    def meanwhile() -> None:
        table, _ = run(stand, 2)
        append(table, 1)
        newer.append(table)

    # The first check of an append is for its plan, the second one for its commit: behind that one it is frozen.
    freezing.after_check = lambda: setattr(freezing, "after_check", meanwhile)
    with pytest.raises(JobRefused, match=r"this run .epoch 1. has been replaced: epoch 2"):
        append(old, 1)
    append(newer[0], 2)
    assert epochs(stand) == [1, 1, 2, 2, 2]
    assert sorted(row.id for row in stand.read(SPEC.name).collect()) == [0, 1, 2]


def test_a_run_frozen_while_it_writes_its_files_sees_that_it_was_replaced(stand: Stand) -> None:
    old, freezing = run(stand, 1)
    newer: list[OutputTable] = []
    freezing.after_check = lambda: setattr(freezing, "before_check", lambda: newer.append(run(stand, 2)[0]))
    with pytest.raises(JobRefused, match="has been replaced: epoch 2"):
        append(old, 0)
    append(newer[0], 0)
    assert epochs(stand) == [1, 2, 2]
    assert stand.read(SPEC.name).count() == 1


def test_a_run_frozen_before_its_transaction_is_caught_though_no_metadata_changes_under_it(stand: Stand) -> None:
    old, freezing = run(stand, 1)
    # Behind its first check: the transaction begins on what the new run has made already.
    freezing.after_check = lambda: run(stand, 2) and None
    with pytest.raises(JobRefused, match="has been replaced: epoch 2"):
        append(old, 0)
    assert epochs(stand) == [1, 2]


def test_a_replaced_run_cannot_take_a_table_back(stand: Stand) -> None:
    run(stand, 1)
    old, freezing = run(stand, 2)
    old._taken_over = False
    freezing.before_check = lambda: run(stand, 3) and None
    with pytest.raises(JobRefused, match="has been replaced: epoch 3"):
        old._transactions.set_property(stand.spark, "penstock.epoch.sales.silver", "again")
    assert epochs(stand) == [1, 2, 3]


def test_a_change_of_metadata_by_hand_fails_the_commit_with_a_reason(stand: Stand) -> None:
    table, freezing = run(stand, 1)
    alter = f"ALTER TABLE delta.`{table.path}` SET TBLPROPERTIES ('a' = 'b')"
    freezing.after_check = lambda: setattr(freezing, "after_check", lambda: stand.spark.sql(alter) and None)
    with pytest.raises(JobRefused, match="its metadata was changed while this commit was under way"):
        append(table, 0)
    append(table, 0)
    assert stand.read(SPEC.name).count() == 1


def test_rows_that_do_not_fit_the_table_are_refused_by_delta(stand: Stand) -> None:
    table, _ = run(stand, 1)
    entry = table.new_entry("batch", batch=0)
    for rows in (stand.spark.range(1).select(sf.lit(None).cast("bigint").alias("id")), stand.spark.range(1).toDF("x")):
        with pytest.raises((Py4JJavaError, AnalysisException)):
            table.append(rows, entry, 1)
    assert epochs(stand) == [1]


def test_a_takeover_goes_through_beside_compaction_and_a_reader_of_the_table_goes_on(stand: Stand) -> None:
    first, _ = run(stand, 1)
    append(first, 0)
    append(first, 1)

    def read() -> list[tuple[int, list[int]]]:
        """What one query, going on from its checkpoint, makes of the commits that are new: its batches."""
        batches: list[tuple[int, list[int]]] = []
        query = (
            stand.spark.readStream.format("delta")
            .option("startingVersion", "0")
            .load(first.path)
            .writeStream.foreachBatch(lambda rows, batch: batches.append((batch, [row.id for row in rows.collect()])))
            .option("checkpointLocation", str(stand.folder / "reader"))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        return batches

    assert sorted(read()[0][1]) == [0, 1]
    second = OutputTable(stand.job("silver", 2).context, SPEC)
    second._transactions._check = lambda: stand.spark.sql(f"OPTIMIZE delta.`{first.path}`").collect() and None
    second._take_over()
    assert operations(first.path)[-2:] == ["OPTIMIZE", "SET TBLPROPERTIES"]
    second._transactions._check = lambda: None
    append(second, 2)
    assert [row for _, batch in read() for row in batch] == [2]


def operations(path: str) -> list[str]:
    files = sorted(Path(path, "_delta_log").glob("*.json"))
    lines = [line for file in files for line in file.read_text().splitlines() if "commitInfo" in line]
    return [json.loads(line)["commitInfo"]["operation"] for line in lines]


def test_a_run_takes_over_a_table_with_a_checkpoint_on_a_thread_without_a_session(stand: Stand) -> None:
    table, _ = run(stand, 1)
    for number in range(3):
        append(table, number)
    jvm: Any = stand.spark._jvm
    delta_log = jvm.org.apache.spark.sql.delta.DeltaLog
    log = delta_log.forTable(stand.spark._jsparkSession, table.path)
    log.checkpoint(log.update(False, jvm.scala.Option.empty(), jvm.scala.Option.empty()), jvm.scala.Option.empty())
    append(table, 3)
    # As in a driver that has not read this table yet.
    delta_log.clearCache()

    def take_over() -> OutputTable:
        jvm.org.apache.spark.sql.classic.SparkSession.clearActiveSession()
        return run(stand, 2)[0]

    with ThreadPoolExecutor(1) as thread:
        taken = thread.submit(take_over).result()
    assert taken.last_batch == 3
