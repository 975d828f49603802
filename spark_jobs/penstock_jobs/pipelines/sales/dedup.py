"""Duplicates: which of the accepted copies of an event came first.

The dedup operator only says which ids are new. So its answer (rows of an id and nothing else, `let_through`) is put
beside the whole batch, and which copy counts is decided once the batch is materialised.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf


def with_new_ids(classified: DataFrame, horizon_ms: int) -> DataFrame:
    """The rows of a stream together with one row for each event id that was not seen within the horizon.

    Only rows that would be accepted take part: a refused copy must not block a good one. Spark takes the lower of two
    watermarks, and that is the low watermark's: state stays until the slowest partition has passed it by two horizons.
    An id is kept by the time its copy was appended, not by the low watermark of its batch, which one lagging partition
    can hold back by days; but by no less than that, so that no row is ever older than the watermark.
    """
    delay = f"{horizon_ms} milliseconds"
    whole = classified.withWatermark("low_watermark", delay).withColumn("let_through", sf.lit(False))
    # As one element of a generator: a filter on `outcome` itself would be pushed down to the source, and with it, once
    # for each field that it looks at, the decoding of the record (seen in the plan: 53 times).
    candidate = sf.struct("event_id", "outcome", sf.greatest("kafka_timestamp", "low_watermark").alias("seen_at"))
    new_ids = (
        classified.select(sf.inline(sf.array(candidate)))
        .where(sf.col("outcome") == "accepted")
        .select("event_id", "seen_at")
        .withWatermark("seen_at", delay)
        .dropDuplicatesWithinWatermark(["event_id"])
        .select("event_id", sf.lit(True).alias("let_through"))
    )
    return whole.unionByName(new_ids, allowMissingColumns=True)


def with_known_ids(classified: DataFrame, known: Column) -> DataFrame:
    """Rows of which some (`known`) are no records but ids that were accepted before, as key: what the operator is to
    have seen, whatever the rules say.
    """
    return classified.withColumns(
        {
            "outcome": sf.when(known, "accepted").otherwise(sf.col("outcome")),
            "event_id": sf.when(known, sf.col("key").cast("string")).otherwise(sf.col("event_id")),
        }
    )


def without_known_ids(batch: DataFrame, known: Column) -> DataFrame:
    """The records of a materialised batch of `with_known_ids`, and the operator's answers to these."""
    answer = sf.col("let_through")
    # A copy may stand in one batch with the id, and the operator tells only one of the two that it is new.
    answers = batch.where(answer).join(batch.where(known).select("event_id"), "event_id", "left_anti")
    return batch.where(~answer & ~known).unionByName(answers)


class LetIn:
    """Ids of records that overrides let in, which the dedup operator has never seen."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._is_new_id: Column | None = None

    def add(self, ids: Iterable[str]) -> None:
        """Remember some more."""
        more = set(ids) - self._ids
        if more:
            self._ids |= more
            self._is_new_id = None

    def is_new_id(self) -> Column:
        """Whether a row of `with_new_ids` is the operator's answer that an id is new, and it is.

        Kept until there are more ids: each one is a call to the JVM, and every batch asks twice.
        """
        if self._is_new_id is None:
            answer = sf.col("let_through")
            self._is_new_id = answer & ~sf.col("event_id").isin(*sorted(self._ids)) if self._ids else answer
        return self._is_new_id


def resolve(rows: DataFrame, let_in: LetIn) -> DataFrame:
    """The rows of a materialised batch of `with_new_ids`, with copies that do not count turned to `duplicate`.

    Of the copies of a new id the one with the lowest (kafka_timestamp, partition, offset) is accepted.
    """
    place = sf.struct("kafka_timestamp", "partition", "offset")
    would_be = sf.col("outcome") == "accepted"
    copies = (
        rows.where(sf.col("let_through") | would_be)
        .groupBy("event_id")
        .agg(
            sf.count_if(would_be).alias("copies"),
            sf.max(let_in.is_new_id()).alias("is_new"),
            sf.min(sf.when(would_be, place)).alias("first"),
        )
        # Few ids come twice: the rest of the batch needs no join.
        .where((sf.col("copies") > 1) | ~sf.col("is_new"))
        .select("event_id", "is_new", "first")
    )
    joined = rows.where(~sf.col("let_through")).join(sf.broadcast(copies), "event_id", "left")
    counts = sf.col("is_new").isNull() | (sf.col("is_new") & (place == sf.col("first")))
    return joined.withColumn("outcome", sf.when(would_be & ~counts, "duplicate").otherwise(sf.col("outcome"))).drop(
        "is_new", "first"
    )
