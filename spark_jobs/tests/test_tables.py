"""Tables with their exact schemas, commits with their entries, and what is refused."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from penstock_jobs.job import JobRefused, WaitingFor
from penstock_jobs.ledger import from_micros
from penstock_jobs.offsets import Checkpoint
from penstock_jobs.tables import CommitLost, OutputTable, TableSpec, require_table
from tests.pipelines.sales.stand import HOUSEKEEPING, Stand

SPEC = TableSpec("silver.sales_events", "id BIGINT NOT NULL, amount DECIMAL(18,2), part STRING NOT NULL", ("part",))


@pytest.fixture
def stand(spark: SparkSession, tmp_path: Path) -> Stand:
    return Stand(spark, tmp_path, "http://127.0.0.1:1")


def opened(stand: Stand, checkpoint: Checkpoint | None = None) -> OutputTable:
    table = OutputTable(stand.job("silver").context, SPEC)
    table.open(checkpoint)
    return table


def actions(stand: Stand, version: int) -> list[dict[str, Any]]:
    path = Path(stand.tables[SPEC.name]) / "_delta_log" / f"{version:020d}.json"
    return [json.loads(line) for line in path.read_text().splitlines()]


def rows(stand: Stand, *values: tuple[int, str, str]) -> Any:
    data = [(key, Decimal(amount), part) for key, amount, part in values]
    return stand.spark.createDataFrame(data, SPEC.columns)


def test_a_table_is_created_with_its_schema_partitions_properties_and_entry(stand: Stand) -> None:
    opened(stand)
    frame = stand.read(SPEC.name)
    assert [(field.name, field.dataType.simpleString(), field.nullable) for field in frame.schema.fields] == [
        ("id", "bigint", False),
        ("amount", "decimal(18,2)", True),
        ("part", "string", False),
    ]
    metadata = next(action["metaData"] for action in actions(stand, 0) if "metaData" in action)
    assert metadata["partitionColumns"] == ["part"]
    assert metadata["configuration"]["delta.checkpointInterval"] == str(HOUSEKEEPING["checkpointInterval"])
    assert stand.newest_entry(SPEC.name).kind == "create"
    protocol = next(action["protocol"] for action in actions(stand, 0) if "protocol" in action)
    assert "deletionVectors" not in str(protocol)


def test_opening_again_finds_the_position_and_says_it(stand: Stand) -> None:
    first = opened(stand)
    entry = first.new_entry("batch", batch=3)
    version = first.append(rows(stand, (1, "1.10", "a")), entry, 1)
    again = opened(stand)
    assert (again.last, again.last_batch, again.version) == (entry, 3, version)
    assert stand.reports.of("position")[-1]["version"] == version


def test_an_existing_table_gets_the_nullable_columns_that_it_lacks_once(stand: Stand) -> None:
    first = opened(stand)
    entry = first.new_entry("batch", batch=3)
    first.append(rows(stand, (1, "1.10", "a")), entry, 1)
    wider = TableSpec(
        SPEC.name, f"{SPEC.columns}, headers ARRAY<STRUCT<key: STRING, value: BINARY>>, Amount INT", ("part",)
    )
    for _ in range(2):
        table = OutputTable(stand.job("silver").context, wider)
        table.open(None)
        assert (table.version, table.last_batch) == (2, 3), "one commit, and the position is what it was"
    assert [report["text"] for report in stand.reports.of("warning")] == [
        "silver.sales_events got the columns headers; rows that were there are null in them"
    ]
    table.append(
        rows(stand, (2, "2.20", "a")).selectExpr("*", "array(struct('k' AS key, X'00' AS value)) AS headers"),
        table.new_entry("batch", batch=4),
        1,
    )
    # A release that does not know the column goes on writing.
    opened(stand).append(rows(stand, (3, "3.30", "a")), entry, 1)
    read = stand.read(SPEC.name).orderBy("id").collect()
    assert [(row.id, row.headers and row.headers[0].key) for row in read] == [(1, None), (2, "k"), (3, None)]
    assert stand.read(SPEC.name).columns == ["id", "amount", "part", "headers"]


def test_a_column_that_must_not_be_null_is_not_added(stand: Stand) -> None:
    opened(stand)
    wider = TableSpec(SPEC.name, f"{SPEC.columns}, extra STRING, low_watermark TIMESTAMP NOT NULL", ("part",))
    with pytest.raises(JobRefused, match="lacks low_watermark, which must not be null"):
        OutputTable(stand.job("silver").context, wider).open(None)
    assert stand.read(SPEC.name).columns == ["id", "amount", "part"]


def test_a_batch_is_reported_with_the_time_of_its_commit_however_late(stand: Stand) -> None:
    table = opened(stand)
    version = table.append_nothing(table.new_entry("batch", batch=0))
    commit = Path(stand.tables[SPEC.name]) / "_delta_log" / f"{version:020d}.json"
    made = from_micros(commit.stat().st_mtime_ns // 1_000_000 * 1_000)
    table.report_again(0)
    assert [data["committedAt"] for data in stand.reports.of("batch")] == [made, made]


def test_an_entry_without_rows_makes_a_commit_without_files(stand: Stand) -> None:
    table = opened(stand)
    assert table.append_nothing(table.new_entry("batch", batch=0)) == 1
    assert not [action for action in actions(stand, 1) if "add" in action]
    assert table.append(rows(stand, (1, "1.10", "a")), table.new_entry("batch", batch=1), 1) == 2
    assert stand.read(SPEC.name).count() == 1


def test_rows_that_this_process_holds_arrive_as_they_are(stand: Stand) -> None:
    table = opened(stand)
    moment = datetime(2026, 11, 24, 1, 2, 3, 123456, tzinfo=timezone.utc)
    table.append_rows([{"id": 2**62, "amount": "0.10", "part": moment}], table.new_entry("batch", batch=0))
    row = stand.read(SPEC.name).collect()[0]
    assert (row.id, row.amount, row.part) == (2**62, Decimal("0.10"), "2026-11-24T01:02:03.123456+00:00")


def test_a_commit_makes_one_file_in_the_log_and_starts_no_process(stand: Stand) -> None:
    table = opened(stand)
    table.append_nothing(table.new_entry("batch", batch=0))
    log = Path(stand.tables[SPEC.name]) / "_delta_log"
    assert sorted(path.name for path in log.iterdir() if path.is_file()) == [f"{n:020d}.json" for n in (0, 1)]
    jvm: Any = stand.spark._jvm
    system = jvm.org.apache.hadoop.fs.FileSystem.get(stand.spark.sparkContext._jsc.hadoopConfiguration())
    assert system.getClass().getSimpleName() == "BareLocalFileSystem"


def test_the_version_of_a_commit_is_found_among_commits_of_others(stand: Stand) -> None:
    table = opened(stand)
    stand.spark.sql(f"ALTER TABLE delta.`{table.path}` SET TBLPROPERTIES ('a' = 'b')")
    assert table.append(rows(stand, (1, "1.10", "a")), table.new_entry("batch", batch=0), 1) == 2
    assert stand.reports.of("batch")[-1]["version"] == 2


def test_a_commit_that_another_overwrote_is_noticed(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    table = opened(stand)
    table.append(rows(stand, (1, "1.10", "a")), table.new_entry("batch", batch=0), 1)
    monkeypatch.setattr(table.ledger, "entry_of", lambda version: table.new_entry("batch", batch=7))
    with pytest.raises(CommitLost, match=r"batch 1 was committed to .* as version 2"):
        table.append(rows(stand, (1, "1.10", "a")), table.new_entry("batch", batch=1), 1)


def test_nothing_is_written_behind_a_shut_fence(stand: Stand) -> None:
    table = opened(stand)
    stand.fence.shut = JobRefused("replaced")
    with pytest.raises(JobRefused, match="replaced"):
        table.append(rows(stand, (1, "1.10", "a")), table.new_entry("batch", batch=0), 1)
    assert table.ledger.newest_version() == 0


def checkpoint(folder: Path, planned: int | None, committed: int | None) -> Checkpoint:
    for log, batch in (("offsets", planned), ("commits", committed)):
        (folder / log).mkdir(parents=True)
        if batch is not None:
            for done in range(batch + 1):
                (folder / log / str(done)).write_text('v1\n{}\n{"reservoirVersion":1}')
    return Checkpoint(str(folder))


@pytest.mark.parametrize(
    ("planned", "committed", "refused"),
    [
        (5, 5, None),
        (6, 5, None),
        (5, 4, None),
        (None, None, "is empty"),
        (5, None, None),
        (4, 4, "older than the table"),
        (6, 6, "rows would be missing"),
        (7, None, "counts batch 6 as done"),
    ],
)
def test_a_checkpoint_that_does_not_fit_the_ledger_is_refused(
    stand: Stand, planned: int | None, committed: int | None, refused: str | None
) -> None:
    table = opened(stand)
    table.append_nothing(table.new_entry("batch", batch=5))
    found = checkpoint(stand.folder / "checkpoint", planned, committed)
    if refused is None:
        opened(stand, found)
        return
    with pytest.raises(JobRefused, match=refused):
        opened(stand, found)


def test_a_missing_input_is_waited_for_by_name(stand: Stand) -> None:
    with pytest.raises(WaitingFor, match=r"silver\.sales_events"):
        require_table(stand.job("gold").context, SPEC.name)
