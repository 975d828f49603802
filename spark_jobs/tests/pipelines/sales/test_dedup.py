"""Which ids are new, where overrides have let some in beside the dedup operator."""

from __future__ import annotations

from pyspark.sql import SparkSession

from penstock_jobs.pipelines.sales.dedup import LetIn


def test_the_condition_is_built_anew_only_for_more_ids(spark: SparkSession) -> None:
    let_in = LetIn()
    rows = spark.createDataFrame([("a", True), ("b", True), ("c", False)], "event_id STRING, let_through BOOLEAN")

    def new() -> list[str]:
        return [row.event_id for row in rows.where(let_in.is_new_id()).orderBy("event_id").collect()]

    assert new() == ["a", "b"]
    let_in.add(["a"])
    once = let_in.is_new_id()
    assert new() == ["b"]
    let_in.add(["a"])
    assert let_in.is_new_id() is once
    let_in.add(["b"])
    assert new() == []
