"""Several writers of one topic: what their schemas have more than the contract arrives, whatever its type."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.job import RestartQuery
from penstock_jobs.pipelines.sales.extra_fields import ExtraFields
from penstock_jobs.session import SETTINGS
from tests.pipelines.sales.avro import CONTRACT, GOOD, SCHEMA_ID, event, event_bytes, framed, number, text
from tests.pipelines.sales.stand import Record, Registry, Stand

PROMO: dict[str, Any] = {"name": "promo_code", "type": ["null", "string"], "default": None}
FIELDS: list[dict[str, Any]] = json.loads(CONTRACT)["fields"]


def schema(*added: dict[str, Any], fields: list[dict[str, Any]] = FIELDS) -> str:
    """The contract, or other fields, with further ones at the end."""
    return json.dumps({**json.loads(CONTRACT), "fields": [*fields, *added]})


def extras(spark: SparkSession, writer: str, body: bytes, contract: str = CONTRACT) -> Any:
    """What is kept of one record besides the contract's fields."""
    fields = ExtraFields(spark, {SCHEMA_ID: CONTRACT, 20: writer}, contract)
    row = (
        spark.range(1).select(fields.json(sf.lit(bytearray(framed(body, 20))), sf.lit(20)).alias("extra")).collect()[0]
    )
    return row.extra and json.loads(row.extra)


def test_every_kind_of_avro_value_is_readable(spark: SparkSession) -> None:
    def record(*fields: tuple[str, Any]) -> dict[str, Any]:
        return {"type": "record", "name": "Shop", "fields": [{"name": name, "type": kind} for name, kind in fields]}

    kinds = {
        "flag": ("boolean", b"\x01", True),
        "size": ("long", number(2**40), 2**40),
        "ratio": ("double", struct.pack("<d", 0.1), 0.1),
        "missing": (["null", "string"], number(0), None),
        "colour": ({"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}, number(1), "BLUE"),
        "again": ("Colour", number(0), "RED"),
        "raw": ("bytes", number(2) + b"\x00\xff", "AP8="),
        "hash": ({"type": "fixed", "name": "Hash", "size": 3}, b"abc", "YWJj"),
        "shop": (
            record(("name", "string"), ("tags", {"type": "array", "items": "string"})),
            text("é") + number(2) + text("a") + text("b") + number(0),
            {"name": "é", "tags": ["a", "b"]},
        ),
        "prices": ({"type": "map", "values": "int"}, number(1) + text("EUR") + number(7) + number(0), {"EUR": 7}),
        "reference": (["null", "int", "string"], number(2) + text("x-1"), {"member_string": "x-1"}),
        "day": ({"type": "int", "logicalType": "date"}, number(20_454), "2026-01-01"),
        "seen_at": (
            {"type": "long", "logicalType": "timestamp-micros"},
            number(1_767_225_600_000_001),
            "2026-01-01T00:00:00.000001Z",
        ),
        "fee": (
            {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
            number(2) + (1234).to_bytes(2, "big"),
            12.34,
        ),
    }
    writer = schema(*[{"name": name, "type": kind} for name, (kind, _, _) in kinds.items()])
    body = event_bytes() + b"".join(data for _, data, _ in kinds.values())
    # A field that is null is left out.
    expected = {name: value for name, (_, _, value) in kinds.items() if value is not None}
    assert extras(spark, writer, body) == expected


def test_a_record_without_anything_more_has_no_object(spark: SparkSession) -> None:
    assert extras(spark, schema(PROMO), event_bytes() + number(0)) is None
    assert extras(spark, schema(), event_bytes()) is None


def test_what_the_contract_reads_under_an_alias_is_nothing_more(spark: SparkSession) -> None:
    renamed = [{**field, "name": "user"} if field["name"] == "user_id" else field for field in FIELDS]
    aliased = [{**field, "aliases": ["user"]} if field["name"] == "user_id" else field for field in FIELDS]
    body = event_bytes(user_id="u-1")
    assert extras(spark, schema(fields=renamed), body) == {"user": "u-1"}
    assert extras(spark, schema(fields=renamed), body, schema(fields=aliased)) is None


def test_a_field_that_spark_cannot_read_does_not_hide_the_others(spark: SparkSession) -> None:
    tree = {"type": "record", "name": "Tree", "fields": [{"name": "below", "type": ["null", "Tree"]}]}
    writer = schema({"name": "tree", "type": tree}, PROMO, {"name": "Promo_Code", "type": "string"})
    assert ExtraFields(spark, {20: writer}, CONTRACT).unreadable == {20: ["tree", "Promo_Code"]}
    body = event_bytes() + number(0) + number(1) + text("spring") + text("?")
    assert extras(spark, writer, body) == {"promo_code": "spring"}


@pytest.mark.parametrize("kind", [{"type": "array", "items": "string"}, {"type": "map", "values": "string"}])
@pytest.mark.parametrize("count", [number(500_000_000), number(-500_000_000) + number(1)])
def test_a_count_that_no_record_can_hold_ends_no_query(spark: SparkSession, kind: dict[str, str], count: bytes) -> None:
    # Executors run with the same limits as this process: what reads the count first makes room for all of it.
    fields = ExtraFields(spark, {20: schema({"name": "tags", "type": kind})}, CONTRACT)
    values = [framed(event_bytes() + rest, 20) for rest in (count, number(0))]
    rows = spark.createDataFrame([(bytearray(value), 20) for value in values], "value BINARY, id INT").coalesce(1)
    found = rows.select(fields.json(sf.col("value"), sf.col("id")).alias("extra")).collect()
    hostile, empty = (row.extra for row in found)
    assert (hostile, json.loads(empty)) == (None, {"tags": [] if kind["type"] == "array" else {}})
    assert "collectionItems.maxLength" in SETTINGS["spark.executor.extraJavaOptions"]


@pytest.mark.parametrize("writer", ["", "{}", '"string"', '{"type":"enum","name":"E","symbols":["A"]}'])
def test_a_schema_that_is_no_record_has_no_fields(spark: SparkSession, writer: str) -> None:
    fields = ExtraFields(spark, {20: writer}, CONTRACT)
    assert (fields.unreadable, spark.range(1).select(fields.json(sf.lit(b""), sf.lit(20))).collect()[0][0]) == (
        {},
        None,
    )


def test_several_writers_in_one_batch_each_arrive_whole(stand: Stand, registry: Registry) -> None:
    promoted = [{**field, "type": "long"} if field["name"] == "amount" else field for field in FIELDS]
    registry.schemas |= {
        20: {"schema": schema(PROMO)},
        # Without a field that may be missing: the contract's default stands for it.
        21: {"schema": schema(fields=[field for field in FIELDS if field["name"] != "trace_id"])},
        22: {"schema": schema(fields=promoted)},
    }
    registry.subject_ids = [SCHEMA_ID, 20, 21, 22]
    whole = number(49)
    body = event_bytes(event_id="promoted").replace(struct.pack("<d", GOOD["amount"]), whole)
    large = "x" * 1_000_000
    bodies = {
        SCHEMA_ID: [event_bytes(event_id="plain", trace_id="t-1")],
        20: [
            event_bytes(event_id="spring") + number(1) + text("spring"),
            event_bytes(event_id="large") + number(1) + text(large),
            event_bytes(event_id="refused", region="MARS") + number(1) + text("winter"),
            # Cut off within the additional field.
            event_bytes(event_id="cut") + number(1) + number(100),
        ],
        21: [event_bytes(event_id="older", trace_id=None)[:-1]],
        22: [body],
    }
    records = [
        Record(0, offset, 0, framed(body, schema_id), schema_id)
        for offset, (schema_id, body) in enumerate((n, body) for n, bodies_of in bodies.items() for body in bodies_of)
    ]
    stand.bronze(records, 0)
    stand.run("silver")
    found = [(row.event_id, row.outcome, row.trace_id, row.extra and json.loads(row.extra)) for row in stand.silver()]
    assert found == [
        ("plain", "accepted", "t-1", None),
        ("spring", "accepted", None, {"promo_code": "spring"}),
        ("large", "accepted", None, {"promo_code": large}),
        ("refused", "invalid", None, {"promo_code": "winter"}),
        (None, "undecodable", None, None),
        ("older", "accepted", None, None),
        ("promoted", "accepted", None, None),
    ]
    assert {str(row.amount) for row in stand.silver() if row.outcome == "accepted"} == {"49.00"}


def test_a_new_writer_needs_no_hand(stand: Stand, registry: Registry) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="before"))], 0)
    job = stand.run("silver")
    # Registered while the job runs: it asks for a restart, and then knows.
    registry.schemas[20] = {"schema": schema(PROMO)}
    body = event_bytes(event_id="after") + number(1) + text("spring")
    stand.bronze([Record(0, 1, 0, framed(body, 20), 20)], 0)
    with pytest.raises(RestartQuery, match="20"):
        stand.run_prepared(job)
    job.prepare()
    stand.run_prepared(job)
    before, after = stand.silver()
    assert (before.extra, after.outcome, json.loads(after.extra)) == (None, "accepted", {"promo_code": "spring"})


def test_what_stays_in_bronze_is_told(stand: Stand, registry: Registry) -> None:
    tree = {"type": "record", "name": "Tree", "fields": [{"name": "below", "type": ["null", "Tree"]}]}
    registry.schemas[20] = {"schema": schema({"name": "tree", "type": tree})}
    registry.subject_ids = [SCHEMA_ID, 20]
    stand.bronze([Record(0, 0, 0, framed(event_bytes() + number(0), 20), 20)], 0)
    stand.run("silver")
    assert [(row.outcome, row.extra) for row in stand.silver()] == [("accepted", None)]
    assert [warning["text"] for warning in stand.reports.of("warning")] == [
        "silver cannot read tree of the writer schema 20: the rest of its records is read, and these fields stay in"
        " bronze's raw value"
    ]
