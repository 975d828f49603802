"""Records that people let in although they were refused: by number, place and the fields that they replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from penstock_jobs.pipelines.sales.schemas import EVENT_COLUMNS

_NUMBERS = ("schema_version",)
"""Columns that are whole numbers; all others are replaced by text, amounts too, which as text are exact."""


@dataclass(frozen=True)
class Override:
    """One decision (docs/contracts.md, section 3): the record at this place is let in with these fields replaced."""

    number: int
    topic: str
    partition: int
    offset: int
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Override:
        """As an assignment has it."""
        return cls(data["number"], data["topic"], data["partition"], int(data["offset"]), data["set"])

    @property
    def place(self) -> str:
        """The record's place as one text, as `place` writes it."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def is_passed(self, through: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether a job that has read up to this offset vector has the record behind it."""
        return self.offset < int(through.get(self.topic, {}).get(str(self.partition), "0"))


def overrides_of(spec: Mapping[str, Any]) -> list[Override]:
    """Those that an assignment names, by number."""
    return sorted((Override.of(data) for data in spec.get("overrides", ())), key=lambda override: override.number)


def place() -> Column:
    """Topic, partition and offset of a row as one text."""
    return sf.concat_ws("/", "topic", sf.col("partition").cast("string"), sf.col("offset").cast("string"))


def with_overrides(decoded: DataFrame, overrides: Sequence[Override]) -> DataFrame:
    """Records with `event` as it is after replacement, and `override`: the number of the one that applies, or null.

    `decoded`: bronze's columns, `event` and `problem`. The problem stays what it was: replaced fields do not make bytes
    readable.
    """
    if not overrides:
        return decoded.withColumn("override", sf.lit(None).cast("bigint"))
    fields = ", ".join(f"{name}: {_type(name)}" for name in EVENT_COLUMNS)
    text = json.dumps({each.place: {"number": each.number, "fields": dict(each.fields)} for each in overrides})
    # From JSON and not by `createDataFrame`, which starts Python workers, and without a join.
    kind = f"map<string, struct<number: bigint, fields: struct<{fields}>>>"
    known = sf.from_json(sf.lit(text), kind, {"mode": "FAILFAST"})
    found = sf.try_element_at(known, place())
    replaced = sf.struct(
        *(
            sf.coalesce(sf.col("found.fields")[name], sf.col("event")[name].cast(_type(name))).alias(name)
            for name in EVENT_COLUMNS
        )
    )
    return (
        decoded.withColumn("found", found)
        .withColumns({"override": sf.col("found.number"), "event": replaced})
        .drop("found")
    )


def _type(name: str) -> str:
    return "int" if name in _NUMBERS else "string"
