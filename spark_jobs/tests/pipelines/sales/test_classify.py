"""Every rule of docs/contracts.md, section 5, one record at a time; all of them decoded and judged in one Spark job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.pipelines.sales.bronze import schema_id_of
from penstock_jobs.pipelines.sales.classify import Rules, classify
from penstock_jobs.pipelines.sales.decode import Decoder
from penstock_jobs.pipelines.sales.overrides import with_overrides
from tests.pipelines.sales.avro import CONTRACT, SCHEMA_ID, event, event_bytes, framed, number, text
from tests.pipelines.sales.stand import PARAMETERS, START_MS, TOPIC

UNREADABLE_ID, OTHER_ID, WIDER_ID = 8, 9, 10
OTHER = '{"type":"record","name":"SalesEvent","namespace":"penstock.sales","fields":[{"name":"event_id","type":"int"}]}'
WIDER = CONTRACT.replace('{ "name": "event_id"', '{ "name": "added", "type": "string" }, { "name": "event_id"')
WRITERS = {SCHEMA_ID: CONTRACT, UNREADABLE_ID: "", OTHER_ID: OTHER, WIDER_ID: WIDER}

Case = tuple[str, bytes | None, str, list[str] | None]


def bad(name: str, reasons: list[str], **fields: Any) -> Case:
    return name, event(**fields), "invalid", reasons


def good(name: str, **fields: Any) -> Case:
    return name, event(**fields), "accepted", None


ALIASES: dict[str, Any] = json.loads(Path(__file__).with_name("alias-cases.json").read_text(encoding="utf-8"))
"""The oracle is held to the same cases (producer/test/oracle/rules.test.ts)."""

CASES: list[Case] = [
    ("no value", None, "undecodable", ["NULL_VALUE"]),
    ("no bytes", b"", "undecodable", ["BAD_MAGIC"]),
    ("four bytes", b"\x00\x00\x00\x00", "undecodable", ["BAD_MAGIC"]),
    ("another magic byte", b"\x01" + event()[1:], "undecodable", ["BAD_MAGIC"]),
    ("unknown id", framed(event_bytes(), 99), "undecodable", ["UNKNOWN_SCHEMA_ID"]),
    ("negative id", framed(event_bytes(), -1), "undecodable", ["UNKNOWN_SCHEMA_ID"]),
    ("prefix only", framed(b""), "undecodable", ["BAD_AVRO"]),
    ("truncated", event()[:-1], "undecodable", ["BAD_AVRO"]),
    ("garbage", framed(b"\xff\xfe\x00abc"), "undecodable", ["BAD_AVRO"]),
    ("negative length", framed(number(-5) + event_bytes()), "undecodable", ["BAD_AVRO"]),
    ("length of two gigabytes", framed(number(2**31 - 20)), "undecodable", ["BAD_AVRO"]),
    ("length beyond all", framed(number(2**40)), "undecodable", ["BAD_AVRO"]),
    ("schema that is no Avro", framed(event_bytes(), UNREADABLE_ID), "undecodable", ["BAD_AVRO"]),
    ("schema that does not resolve", framed(number(3), OTHER_ID), "undecodable", ["BAD_AVRO"]),
    ("another writer's schema", framed(text("new") + event_bytes(), WIDER_ID), "accepted", None),
    ("bytes left over", event() + b"xx", "accepted", None),
    good("as it should be"),
    good("spaces and case", event_type=" Renewal ", plan_tier="PRO", region=" eu", currency="eur ", source=" WEB"),
    good("no source", source=None),
    good("empty source", source=" "),
    *[
        bad(f"{name} {kind}", ["NULL_REQUIRED"], **{name: value})
        for name in (
            "event_id",
            "event_time",
            "ingest_time",
            "account_id",
            "event_type",
            "plan_tier",
            "region",
            "currency",
        )
        for kind, value in (("empty", ""), ("spaces", "   "))
    ],
    ("a tab is text", event(event_type="\trenewal"), "invalid", ["INVALID_DOMAIN"]),
    *[
        bad(f"{name} out of domain", ["INVALID_DOMAIN"], **{name: "other"})
        for name in ("event_type", "plan_tier", "region", "currency", "source")
    ],
    *[
        bad(f"time {value!r}", ["BAD_TIMESTAMP"], event_time=value)
        for value in (
            "2026-01-01",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00-00:00",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "0999-01-01T00:00:00Z",
            "12026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00Z\n",
            "٢٠٢٦-01-01T00:00:00Z",
            "now",
        )
    ],
    bad("ingest time broken", ["BAD_TIMESTAMP"], ingest_time="yesterday"),
    good("nine digits", event_time="2026-01-01T00:00:00.123456789Z"),
    good("offset zero", event_time="2026-01-01T00:00:00.5+00:00"),
    good("ingest of a leap day", ingest_time="2024-02-29T23:59:59Z"),
    ("year 1000", event(event_time="1000-01-01T00:00:00Z"), "late", None),
    ("year 9999", event(event_time="9999-12-31T23:59:59.999999999Z"), "future", None),
    *[
        bad(f"amount {value}", ["BAD_AMOUNT"], amount=value)
        for value in (float("nan"), float("inf"), float("-inf"), 1e16, 1e300, -1.0, -0.005)
    ],
    good("amount zero", amount=0.0),
    good("negative zero", amount=-0.0),
    good("rounded to zero", amount=-0.004),
    good("largest", amount=9999999999999998.0),
    bad("refund of zero", ["BAD_AMOUNT"], event_type="refund", amount=0.0),
    bad("refund rounded to zero", ["BAD_AMOUNT"], event_type="refund", amount=-0.004),
    bad("refund above zero", ["BAD_AMOUNT"], event_type="refund", amount=1.0),
    good("refund", event_type="refund", amount=-0.005),
    good("chargeback", event_type="chargeback", amount=-10.0),
    bad("unknown type below zero", ["BAD_AMOUNT", "INVALID_DOMAIN"], event_type="other", amount=-1.0),
    bad("empty type below zero", ["BAD_AMOUNT", "NULL_REQUIRED"], event_type="", amount=-1.0),
    bad(
        "all at once",
        ["BAD_AMOUNT", "BAD_TIMESTAMP", "INVALID_DOMAIN", "NULL_REQUIRED"],
        event_id="",
        event_time="x",
        region="MARS",
        amount=-1.0,
    ),
    good("late by the allowed", event_time="2025-12-31T23:59:50Z"),
    ("late by more", event(event_time="2025-12-31T23:59:49.999999Z"), "late", None),
    good("ahead by the allowed", event_time="2026-01-01T00:00:05Z"),
    ("ahead by more", event(event_time="2026-01-01T00:00:05.000001Z"), "future", None),
    bad("invalid before late", ["INVALID_DOMAIN"], event_time="2020-01-01T00:00:00Z", region="MARS"),
]


@pytest.fixture(scope="module")
def judged(spark: SparkSession) -> dict[int, Row]:
    return judge(spark, [value for _, value, _, _ in CASES], PARAMETERS)


def judge(spark: SparkSession, values: Sequence[bytes | None], parameters: Mapping[str, Any]) -> dict[int, Row]:
    """What becomes of records with these values, by their place in the list."""
    rows = [(number, None if value is None else bytearray(value)) for number, value in enumerate(values)]
    bronze = spark.createDataFrame(rows, "offset BIGINT, value BINARY").select(
        sf.lit(TOPIC).alias("topic"),
        sf.lit(0).alias("partition"),
        "offset",
        sf.timestamp_millis(sf.lit(START_MS)).alias("kafka_timestamp"),
        sf.lit(None).alias("key"),
        sf.lit(None).alias("headers"),
        "value",
        schema_id_of(sf.col("value")).alias("schema_id"),
        sf.timestamp_millis(sf.lit(START_MS)).alias("low_watermark"),
    )
    decoder = Decoder(spark, WRITERS, CONTRACT)
    decoded = bronze.withColumn("event", decoder.event(sf.col("value"), sf.col("schema_id")))
    problem = decoder.problem(sf.col("value"), sf.col("schema_id"), sf.col("event"))
    rules = Rules.of({"kafka": {"topic": TOPIC}, "parameters": parameters})
    judged = classify(with_overrides(decoded.withColumn("problem", problem), []), rules)
    return {row.offset: row for row in judged.collect()}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_a_record_is_judged_as_the_contract_says(judged: dict[int, Row], number: int) -> None:
    _, _, outcome, reasons = CASES[number]
    assert (judged[number].outcome, judged[number].reasons) == (outcome, reasons)


def of(judged: dict[int, Row], name: str) -> Row:
    return judged[next(number for number, case in enumerate(CASES) if case[0] == name)]


def test_values_come_in_their_normal_form(judged: dict[int, Row]) -> None:
    row = of(judged, "spaces and case")
    assert (row.event_type, row.plan_tier, row.region, row.currency, row.source) == (
        "renewal",
        "pro",
        "EU",
        "EUR",
        "web",
    )
    assert of(judged, "empty source").source is None


def test_aliases_stand_for_values_of_the_contract(spark: SparkSession) -> None:
    cases = ALIASES["cases"]
    values = [event(**{**case["fields"], "amount": float(case["fields"].get("amount", 49))}) for case in cases]
    judged = judge(spark, values, {**PARAMETERS, "aliases": ALIASES["aliases"]})
    for case, (_, row) in zip(cases, sorted(judged.items()), strict=True):
        if "invalid" in case:
            assert (row.outcome, row.reasons) == ("invalid", case["invalid"]), case["name"]
        else:
            assert row.outcome == "accepted", case["name"]
            assert {name: row[name] for name in case["becomes"]} == case["becomes"], case["name"]


def test_without_aliases_nothing_stands_for_another_value(spark: SparkSession) -> None:
    values = [event(plan_tier="gold")]
    assert judge(spark, values, {**PARAMETERS, "aliases": {}})[0].reasons == ["INVALID_DOMAIN"]


def test_a_rule_of_a_stretch_holds_for_its_records_and_for_no_other(spark: SparkSession) -> None:
    gold = {"aliases": {"plan_tier": {"gold": "enterprise"}}}
    late = {"allowedLatenessMs": PARAMETERS["allowedLatenessMs"] + 1, "aliases": {}}
    stretches = [
        {"from": {"0": "2"}, "to": {"0": "4"}, "rules": gold},
        {"from": None, "to": {"0": "3"}, "rules": late},
    ]
    too_late = event(event_time="2025-12-31T23:59:49.999Z")
    values = [event(plan_tier="gold")] * 5 + [too_late]
    found = judge(spark, values, {**PARAMETERS, "bounded": stretches})
    assert [found[offset].plan_tier for offset in range(5)] == ["gold", "gold", "enterprise", "enterprise", "gold"]
    assert [found[offset].outcome for offset in range(2, 6)] == ["accepted", "accepted", "invalid", "late"]
    earlier = judge(spark, [too_late] * 4, {**PARAMETERS, "bounded": stretches})
    assert [earlier[offset].outcome for offset in range(4)] == ["accepted", "accepted", "accepted", "late"]


def test_digits_beyond_microseconds_are_cut(judged: dict[int, Row]) -> None:
    assert of(judged, "nine digits").event_time.microsecond == 123456


def test_amounts_round_half_up_on_their_shortest_decimal_form(spark: SparkSession) -> None:
    amounts = {1.005: "1.01", 2.675: "2.68", 0.285: "0.29", 1e15 + 0.125: "1000000000000000.10", 33.333333333: "33.33"}
    rows = [(index, bytearray(event(amount=amount))) for index, amount in enumerate(amounts)]
    decoder = Decoder(spark, WRITERS, CONTRACT)
    bronze = spark.createDataFrame(rows, "offset BIGINT, value BINARY").selectExpr(
        "'t' topic", "0 partition", "offset", "timestamp_millis(0) kafka_timestamp", "NULL key",
        "NULL headers", "value", f"{SCHEMA_ID} schema_id", "timestamp_millis(0) low_watermark",
        "CAST(NULL AS STRING) problem", "NULL override",
    )  # fmt: skip
    decoded = bronze.withColumn("event", decoder.event(sf.col("value"), sf.col("schema_id")))
    found = classify(decoded, Rules(PARAMETERS)).orderBy("offset").collect()
    assert [str(row.amount) for row in found] == list(amounts.values())
