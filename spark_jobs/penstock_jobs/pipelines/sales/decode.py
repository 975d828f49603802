"""From raw values to events: Avro of the writer's schema, resolved to the pipeline's contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.avro.functions import from_avro


class Decoder:
    """Decodes by the writer schemas that are known when a query is planned."""

    def __init__(self, spark: SparkSession, writers: Mapping[int, str], contract: str) -> None:
        """`writers`: Avro schema (JSON text) by id; an empty or unreadable text stands for bytes nothing can read.

        `contract`: the reader schema as JSON text.
        """
        self._contract = contract
        self._ids = sorted(writers)
        self._readable = {schema_id: text for schema_id, text in sorted(writers.items()) if _is_avro(spark, text)}

    def event(self, value: Column, schema_id: Column) -> Column:
        """The event as a struct of the contract's fields; null, or all of them null, where the bytes cannot be read."""
        payload = sf.substring(value, 6, 2**31 - 1)
        options = {"mode": "PERMISSIVE", "avroSchema": self._contract}
        if not self._readable:
            return from_avro(sf.lit(None).cast("binary"), self._contract, {"mode": "PERMISSIVE"})
        chosen: Any = sf
        for writer_id, schema in self._readable.items():
            chosen = chosen.when(schema_id == writer_id, from_avro(payload, schema, options))
        return chosen

    def problem(self, value: Column, schema_id: Column, event: Column) -> Column:
        """Why there is no event (docs/contracts.md, section 5.1); null where there is one."""
        # Fields of the contract that no Avro event can lack: a struct of nulls is how a failed decoding shows.
        unread = event.isNull() | (event["event_id"].isNull() & event["amount"].isNull())
        known = schema_id.isin(self._ids) if self._ids else sf.lit(False)
        return (
            sf.when(value.isNull(), "NULL_VALUE")
            .when(schema_id.isNull(), "BAD_MAGIC")
            .when(~known, "UNKNOWN_SCHEMA_ID")
            .when(unread, "BAD_AVRO")
        )


def _is_avro(spark: SparkSession, text: str) -> bool:
    jvm: Any = spark._jvm
    try:
        jvm.org.apache.avro.Schema.Parser().parse(text)
    except Py4JJavaError:
        return False
    return True
