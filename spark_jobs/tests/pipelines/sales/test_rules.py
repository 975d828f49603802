"""Data quality rules over rows: the counts that DuckDB must find as well (rule-cases.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.pipelines.sales.rules import checked, failed_rules

CASES: dict[str, Any] = json.loads(Path(__file__).with_name("rule-cases.json").read_text(encoding="utf-8"))
TYPES = {
    "offset": "bigint",
    "kafka_timestamp": "timestamp",
    "event_time": "timestamp",
    "ingest_time": "timestamp",
    "schema_id": "int",
    "schema_version": "int",
    "amount": "decimal(18,2)",
}


def test_rules_count_the_same_rows_in_spark_as_in_duckdb(spark: SparkSession) -> None:
    names = list(CASES["rows"][0])
    texts = [[None if row[name] is None else str(row[name]) for name in names] for row in CASES["rows"]]
    frame = spark.createDataFrame(texts, ", ".join(f"{name} string" for name in names))
    rows = frame.select(*(sf.col(name).cast(TYPES.get(name, "string")).alias(name) for name in names))
    rules = [case["wire"] for case in CASES["cases"]]
    found = rows.select(
        "offset",
        failed_rules(rules).alias("failed"),
        *(checked(rule).alias(rule["id"]) for rule in rules),
    ).collect()
    for case in CASES["cases"]:
        rule = case["wire"]["id"]
        assert sum(row[rule] for row in found) == case["checked"], rule
        assert sorted(row.offset for row in found if rule in row.failed) == case["failed"], rule
