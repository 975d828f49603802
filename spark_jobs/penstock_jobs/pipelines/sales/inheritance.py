"""A silver that begins in the middle: what lies before that it inherits from another generation (decision 0036)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.types import StructType

from penstock_jobs.authored_log import pin
from penstock_jobs.job import JobContext, JobRefused
from penstock_jobs.ledger import LedgerEntry, LedgerGone, Offsets, TableLedger
from penstock_jobs.offsets import is_before
from penstock_jobs.pipelines.sales.schemas import BRONZE, SILVER
from penstock_jobs.reading_copy import chunks
from penstock_jobs.tables import OutputTable


class Inheritance:
    """Rows before the offsets at which the job begins, as another generation of its table has them."""

    def __init__(self, context: JobContext, table: OutputTable) -> None:
        self._context = context
        self._table = table
        spec = context.assignment.spec
        start = spec.get("start") or {}
        self._path: str | None = start.get("inherits")
        self.before: Offsets = {spec["kafka"]["topic"]: start["offsets"]} if self._path else {}
        """Where the job begins; empty for one that judges every record."""

    def take(self) -> None:
        """Commit the rows, all of them at once; nothing where they are there, or there are none to be inherited.

        Raises JobRefused where the other table does not have them.
        """
        if self._path is None or (self._table.last is not None and self._table.last.kind != "create"):
            return
        self._refuse_missing(self._path)
        spark = self._context.spark
        pinned = pin(spark, self._path)
        low = self._low_watermark()
        rows = _of_silver(self._read(self._path, pinned.version).where(is_before(self.before)), low)
        entry, count = self._entry(rows, low)
        if count == 0:
            self._table.append_nothing(entry)
            return
        self._table.append_pieces(spark, self._pieces(rows, count, pinned.version), entry)

    def known_ids(self) -> DataFrame:
        """Ids that the dedup operator would still know where the job begins, as rows of bronze with the id as key.

        By what the inherited rows say was accepted, whatever the rules are now. What overrides let in is known anyway.
        """
        low = self._table.last.low_watermark if self._table.last else None
        horizon = self._context.assignment.spec["parameters"]["dedupHorizonMs"] * 1000
        seen_at = sf.greatest("kafka_timestamp", "low_watermark")
        accepted = self._read(self._table.path).where(
            is_before(self.before)
            & (sf.col("outcome") == "accepted")
            & sf.col("override").isNull()
            # State holds an id for two horizons (decision 0008).
            & (sf.unix_micros(seen_at) >= (low or 0) - 2 * horizon)
        )
        newest = sf.max_by(sf.struct("topic", "partition", "offset", "low_watermark", seen_at.alias("at")), seen_at)
        ids = accepted.groupBy("event_id").agg(newest.alias("row")).select("event_id", "row.*")
        columns = {
            **{name: sf.col(name) for name in ("topic", "partition", "offset", "low_watermark")},
            "kafka_timestamp": sf.col("at"),
            "key": sf.col("event_id"),
        }
        return _shaped(ids, columns, BRONZE.columns)

    def _refuse_missing(self, path: str) -> None:
        try:
            found = TableLedger(path).newest_entry(accept=lambda entry: bool(entry.through))
        except LedgerGone as gone:
            raise JobRefused(str(gone)) from gone
        through = found[1].through if found else {}
        for topic, partitions in self.before.items():
            read = through.get(topic, {})
            behind = {
                number: offset for number, offset in partitions.items() if int(read.get(number, "0")) < int(offset)
            }
            if behind:
                raise JobRefused(
                    f"{self._context.assignment.job} is to begin at {dict(partitions)} with the rows before that from"
                    f" {path}, which has come to {dict(read) or 'nothing'} only. Nothing was written. Way out: cancel"
                    " the replay and begin one with offsets that the live job has read"
                )

    def _low_watermark(self) -> int:
        """The append time up to which every record lies before the offsets, microseconds since 1970."""
        path = str(self._context.assignment.spec["tables"][BRONZE.name])
        pinned = pin(self._context.spark, path)
        rows = self._read(path, pinned.version).select("topic", "partition", "offset", "low_watermark")
        mark = sf.unix_micros("low_watermark")
        first = rows.where(~is_before(self.before)).agg(sf.min(mark).alias("mark")).collect()[0].mark
        if first is None:
            found = TableLedger(path).newest_entry(pinned.version)
            return (found[1].low_watermark or 0) if found else 0
        # Some of the rows with that one lie behind the offsets. The one before is reached: no row behind them has it.
        return rows.where(mark < first).agg(sf.max(mark).alias("mark")).collect()[0].mark or 0

    def _entry(self, rows: DataFrame, low: int) -> tuple[LedgerEntry, int]:
        """The ledger entry of the rows, and how many there are."""
        own = sf.col("override").isNull()
        counted = rows.groupBy("outcome", own.alias("own")).count().collect()
        outcomes = {row.outcome: row["count"] for row in counted if row.own}
        let_in = rows.where(~own)
        numbers = sorted(row.override for row in let_in.select("override").collect())
        records = sum(outcomes.values())
        if numbers:
            # A replay that met an override made one row of the record; else there is the refused one as well.
            place = ["topic", "partition", "offset"]
            records += len(numbers) - let_in.join(rows.where(own).select(*place), place, "left_semi").count()
        said: Mapping[str, int] = {**outcomes, **({"overridden": len(numbers)} if numbers else {})}
        entry = self._table.new_entry(
            "inherit",
            through=self.before,
            low_watermark=low,
            rows_in=records,
            rows=said,
            overrides=tuple(numbers),
        )
        return entry, sum(said.values())

    def _pieces(self, rows: DataFrame, count: int, version: int) -> Iterator[tuple[DataFrame, int]]:
        cut = chunks(rows, count)
        for chunk, share in cut:
            self._context.fence.check()
            self._context.waiting(f"taking over {SILVER.name} as it was at version {version}: {share * 100:.0f} %")
            yield chunk, -(-count // len(cut))

    def _read(self, path: str, version: int | None = None) -> DataFrame:
        reader = self._context.spark.read.format("delta")
        return (reader if version is None else reader.option("versionAsOf", str(version))).load(path)


def _of_silver(rows: DataFrame, low: int) -> DataFrame:
    """Rows of another generation, perhaps of an older release, as rows of this one.

    They can be read at its beginning, so their low watermarks are not above it: those of records that were let in later
    would be, and those of commits that the beginning cuts.
    """
    columns = {name: sf.col(name) for name in rows.columns}
    columns["low_watermark"] = sf.least("low_watermark", sf.timestamp_micros(sf.lit(low)))
    return _shaped(rows, columns, SILVER.columns)


def _shaped(rows: DataFrame, columns: Mapping[str, Column], ddl: str) -> DataFrame:
    """The rows with the columns of a table; those that nothing is said of are null."""
    fields = cast(StructType, StructType.fromDDL(ddl)).fields
    return rows.select(
        *(columns.get(field.name, sf.lit(None)).cast(field.dataType).alias(field.name) for field in fields)
    )
