"""What a writer's schema has and silver has no column for: kept as a JSON object, so that nothing waits for a release.

Decoded apart from the event, by a reader schema of these fields alone: a writer without any costs nothing, and a named
type that contract and writer each define in their own way cannot collide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.avro.functions import from_avro

from penstock_jobs.pipelines.sales.schemas import EVENT_COLUMNS

# Of a union of several types the present member is told by the name of its type and not by its number.
_MEMBER = "member_"
_JSON = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


@dataclass(frozen=True)
class _Writer:
    """One writer's schema, and a reader schema of its additional fields."""

    schema: str
    reader: str


class ExtraFields:
    """Reads the additional fields of the writer schemas that are known when a query is planned."""

    def __init__(self, spark: SparkSession, writers: Mapping[int, str], contract: str) -> None:
        """`writers`: Avro schema (JSON text) by id; `contract`: the reader schema of events."""
        self.unreadable: dict[int, list[str]] = {}
        """Names of fields that Spark cannot read (a type that contains itself), by schema id: bronze alone has them."""
        self._writers: dict[int, _Writer] = {}
        known = _read_by_contract(contract)
        for schema_id, text in sorted(writers.items()):
            self._add(_AvroInJvm(spark), schema_id, text, known)

    def json(self, value: Column, schema_id: Column) -> Column:
        """The fields as JSON text, those that are null left out; null where there are none."""
        payload = sf.substring(value, 6, 2**31 - 1)
        chosen: Any = sf
        for writer_id, writer in self._writers.items():
            options = {
                "mode": "PERMISSIVE",
                "avroSchema": writer.reader,
                "enableStableIdentifiersForUnionType": "true",
                "stableIdentifierPrefixForUnionType": _MEMBER,
                "datetimeRebaseMode": "CORRECTED",
            }
            text = sf.to_json(from_avro(payload, writer.schema, options), _JSON)
            chosen = chosen.when(schema_id == writer_id, sf.nullif(text, sf.lit("{}")))
        return sf.lit(None).cast("string") if chosen is sf else chosen

    def _add(self, avro: _AvroInJvm, schema_id: int, text: str, known: set[str]) -> None:
        record = avro.record(text)
        if record is None:
            return
        kept: list[Any] = []
        for field in record.getFields():
            if field.name() in known:
                continue
            if avro.readable(avro.record_of(record, [*kept, field])):
                kept.append(field)
            else:
                self.unreadable.setdefault(schema_id, []).append(str(field.name()))
        if kept:
            self._writers[schema_id] = _Writer(text, str(avro.record_of(record, kept).toString()))


class _AvroInJvm:
    """Avro schemas as the JVM has them, where they will be used."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._avro = jvm.org.apache.avro
        self._spark_avro = jvm.org.apache.spark.sql.avro
        self._list = jvm.java.util.ArrayList

    def record(self, text: str) -> Any | None:
        """A schema that is a record; None where it is something else, or none at all."""
        try:
            schema = self._avro.Schema.Parser().parse(text)
        except Py4JJavaError:
            return None
        return schema if schema.getType().getName() == "record" else None

    def record_of(self, record: Any, fields: list[Any]) -> Any:
        """A record of that name with some of its fields."""
        copies = self._list()
        for field in fields:
            # A field belongs to one record: another one needs a copy.
            copies.add(self._avro.Schema.Field(field, field.schema()))
        made = self._avro.Schema.createRecord(record.getName(), None, record.getNamespace(), False)
        made.setFields(copies)
        return made

    def readable(self, schema: Any) -> bool:
        """Whether Spark has a type for it and a way to read it: within a batch that would end the query."""
        try:
            kind = self._spark_avro.SchemaConverters.toSqlType(schema, True, _MEMBER, -1).dataType()
            self._spark_avro.AvroDeserializer(schema, kind, "CORRECTED", True, _MEMBER, -1)
        except Py4JJavaError:
            return False
        return True


def _read_by_contract(contract: str) -> set[str]:
    """Names that fields of silver's columns may have with a writer: their own and their aliases."""
    fields = [field for field in json.loads(contract)["fields"] if field["name"] in EVENT_COLUMNS]
    return {name for field in fields for name in (field["name"], *field.get("aliases", []))}
