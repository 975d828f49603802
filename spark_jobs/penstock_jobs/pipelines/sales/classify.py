"""What becomes of a record by itself: docs/contracts.md, section 5, but for duplicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from penstock_jobs.pipelines.sales.bounded_rules import Stretch, stretches

EVENT_TYPES = ("subscription_created", "renewal", "upgrade", "refund", "chargeback")
NEGATIVE_TYPES = ("refund", "chargeback")
PLAN_TIERS = ("free", "pro", "enterprise")
REGIONS = ("NA", "EU", "LATAM", "APAC")
CURRENCIES = ("USD", "CAD", "EUR")
SOURCES = ("web", "mobile", "backend", "billing")

# Java's $ also matches before a line break at the end, \z does not. What the pattern lets through but is no real date
# fails the cast.
_TIMESTAMP = r"^[1-9]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|\+00:00)\z"


Aliases = Mapping[str, Mapping[str, str]]
"""What stands for a value of the contract: column → normal form → value."""


@dataclass(frozen=True)
class Rules:
    """How far event time and append time may be apart, and what stands for values of the contract."""

    parameters: Mapping[str, Any]
    """Those of an assignment: `allowedLatenessMs`, `allowedSkewMs`, `aliases` (see `Aliases`; none when left out)."""
    stretches: Sequence[Stretch] = ()
    """Records for which some are other ones; the first that has a parameter decides about it."""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Rules:
        """Those of an assignment."""
        return cls(spec["parameters"], stretches(spec))

    def allowed_lateness(self) -> Column:
        """In microseconds."""
        return self._by_place("allowedLatenessMs", lambda ms: sf.lit(ms * 1000))

    def allowed_skew(self) -> Column:
        """In microseconds."""
        return self._by_place("allowedSkewMs", lambda ms: sf.lit(ms * 1000))

    def meant(self, column: str, normal_form: Column) -> Column:
        """A normal form, or the value of the contract that it stands for."""
        return self._by_place("aliases", lambda aliases: _meant(normal_form, (aliases or {}).get(column, {})))

    def _by_place(self, parameter: str, to_column: Callable[[Any], Column]) -> Column:
        value = to_column(self.parameters.get(parameter))
        for stretch in reversed(self.stretches):
            if parameter in stretch.parameters:
                value = sf.when(stretch.holds(), to_column(stretch.parameters[parameter])).otherwise(value)
        return value


def classify(records: DataFrame, rules: Rules) -> DataFrame:
    """Silver's columns with outcome and reasons; `accepted` still means: unless a copy came first.

    `records`: bronze's columns, `event` (struct of the contract's fields), `problem` (why there is none, or null),
    `override` (number of the one that lets the record in whatever its times are, or null).
    """
    normal = records.select(
        "topic",
        "partition",
        "offset",
        "kafka_timestamp",
        "schema_id",
        "low_watermark",
        "key",
        "headers",
        "value",
        "problem",
        "override",
        *(_trimmed(name).alias(name) for name in ("event_id", "account_id", "user_id", "trace_id")),
        *(rules.meant(name, sf.lower(_trimmed(name))).alias(name) for name in ("event_type", "plan_tier", "source")),
        *(rules.meant(name, sf.upper(_trimmed(name))).alias(name) for name in ("region", "currency")),
        sf.trim("event.event_time").alias("event_time_text"),
        sf.trim("event.ingest_time").alias("ingest_time_text"),
        sf.expr("try_cast(CAST(event.amount AS STRING) AS DECIMAL(18,2))").alias("amount"),
        sf.col("event.schema_version").alias("schema_version"),
    )
    timed = normal.withColumns(
        {
            "event_time": _timestamp(sf.col("event_time_text")),
            "ingest_time": _timestamp(sf.col("ingest_time_text")),
        }
    )
    judged = timed.withColumn("invalid", _invalid_reasons())
    ahead = sf.unix_micros("event_time") - sf.unix_micros("kafka_timestamp")
    outcome = (
        sf.when(sf.col("problem").isNotNull(), "undecodable")
        .when(sf.size("invalid") > 0, "invalid")
        .when(sf.col("override").isNotNull(), "accepted")
        .when(-ahead > rules.allowed_lateness(), "late")
        .when(ahead > rules.allowed_skew(), "future")
        .otherwise("accepted")
    )
    reasons = sf.when(sf.col("problem").isNotNull(), sf.array("problem")).when(
        sf.size("invalid") > 0, sf.col("invalid")
    )
    return judged.withColumns({"outcome": outcome, "reasons": reasons}).drop(
        "event_time_text", "ingest_time_text", "problem", "invalid"
    )


def _trimmed(field: str) -> Column:
    # Spark's trim takes off spaces only, as the contract says; an empty text is no value.
    return sf.nullif(sf.trim(f"event.{field}"), sf.lit(""))


def _meant(value: Column, aliases: Mapping[str, str]) -> Column:
    """A normal form, or the value of the contract that it stands for."""
    for alias, meant in sorted(aliases.items()):
        value = sf.when(value == alias, meant).otherwise(value)
    return value


def _timestamp(text: Column) -> Column:
    return sf.when(text.rlike(_TIMESTAMP), text.try_cast("timestamp"))


def _invalid_reasons() -> Column:
    event_type, amount = sf.col("event_type"), sf.col("amount")
    negative = sf.coalesce(event_type.isin(*NEGATIVE_TYPES), sf.lit(False))
    bad_amount = amount.isNull() | (negative != (amount < 0))
    bad_timestamp = _unreadable("event_time") | _unreadable("ingest_time")
    out_of_domain = (
        _outside(event_type, EVENT_TYPES)
        | _outside(sf.col("plan_tier"), PLAN_TIERS)
        | _outside(sf.col("region"), REGIONS)
        | _outside(sf.col("currency"), CURRENCIES)
        | _outside(sf.col("source"), SOURCES)
    )
    empty = (sf.col("event_time_text") == "") | (sf.col("ingest_time_text") == "")
    for name in ("event_id", "account_id", "event_type", "plan_tier", "region", "currency"):
        empty = empty | sf.col(name).isNull()
    return sf.array_compact(
        sf.array(
            sf.when(bad_amount, "BAD_AMOUNT"),
            sf.when(bad_timestamp, "BAD_TIMESTAMP"),
            sf.when(out_of_domain, "INVALID_DOMAIN"),
            sf.when(empty, "NULL_REQUIRED"),
        )
    )


def _unreadable(name: str) -> Column:
    return (sf.col(f"{name}_text") != "") & sf.col(name).isNull()


def _outside(text: Column, domain: tuple[str, ...]) -> Column:
    return text.isNotNull() & ~text.isin(*domain)
