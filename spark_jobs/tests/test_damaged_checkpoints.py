"""One list of damaged checkpoints, what Spark does with each, and what the runner says before Spark is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from penstock_jobs.checkpoint_check import WhatIsIn, refuse_damage
from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.offsets import Checkpoint, CheckpointDamaged

DAMAGE = json.loads((Path(__file__).parents[2] / "test" / "checkpoints" / "damage.json").read_text())
CASES = [pytest.param(case, id=case["name"]) for case in DAMAGE["cases"]]


def lay_out(folder: Path, case: dict[str, Any], table: str) -> Checkpoint:
    """The checkpoint of one case."""
    base = DAMAGE["base"]
    files: dict[str, str | None] = {"metadata": base["metadata"]}
    for log in ("offsets", "commits"):
        files.update({f"{log}/{batch}": text for batch, text in base[log].items()})
    files[case["file"]] = case["content"]
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            continue
        if content.startswith("hex:"):
            file.write_bytes(bytes.fromhex(content[4:]))
        else:
            file.write_text(content.replace("$TABLE", table))
    return Checkpoint(str(folder))


@pytest.mark.parametrize("case", CASES)
def test_the_runner_refuses_what_stops_a_start_and_nothing_else(case: dict[str, Any], tmp_path: Path) -> None:
    checkpoint = lay_out(tmp_path, case, "t")
    newest = DAMAGE["base"]["offsets"]["2"].splitlines()[2].replace("$TABLE", "t")
    entry = LedgerEntry("batch", "sales.silver", 1, 1, batch=2, source_to=newest)
    try:
        refuse_damage(checkpoint, WhatIsIn("silver.sales_events", 2, entry))
    except CheckpointDamaged:
        assert case["stopsStart"]
    else:
        assert not case["stopsStart"]


class Table:
    """A Delta table of five versions with one row each, which batches 0 to 4 read."""

    def __init__(self, spark: SparkSession, path: Path) -> None:
        self.path = str(path)
        for version in range(5):
            spark.range(version, version + 1).coalesce(1).write.format("delta").mode("append").save(self.path)
        self.id: str = spark.sql(f"DESCRIBE DETAIL delta.`{self.path}`").collect()[0]["id"]


@pytest.fixture(scope="module")
def table(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Table:
    return Table(spark, tmp_path_factory.mktemp("lake") / "t")


@pytest.mark.parametrize("case", CASES)
def test_spark_does_what_the_list_says(case: dict[str, Any], spark: SparkSession, table: Table, tmp_path: Path) -> None:
    lay_out(tmp_path, case, table.id)
    read: list[int] = []

    def take(batch: DataFrame, _: int) -> None:
        read.extend(sorted(row[0] for row in batch.collect()))

    source = spark.readStream.format("delta").option("maxFilesPerTrigger", 1).load(table.path)
    writer = source.writeStream.foreachBatch(take).option("checkpointLocation", str(tmp_path))
    try:
        writer.trigger(availableNow=True).start().awaitTermination()
        does = "starts" if read in ([3, 4], [4]) else "reads anew"
    except (PySparkException, Py4JJavaError):
        does = "fails"
    assert does == case["spark"], read
    # Let through is only what Spark starts from, and where it ended.
    assert case["stopsStart"] or does == "starts"
