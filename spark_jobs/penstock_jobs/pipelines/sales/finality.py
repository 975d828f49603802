"""Which windows are final, and their rows. Times are microseconds since 1970."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

KEY = ("window_date", "window_start", "window_end", "plan_tier", "region", "currency")


def final_through(low_watermark: int, allowed_lateness: int, window: int) -> int:
    """Every window that ends at or before this moment is final: nothing that is still accepted can fall into it."""
    return (low_watermark - allowed_lateness) // window * window


def unsettled_windows(updates: DataFrame, final_before: int | None, through_batch: int | None) -> set[int]:
    """Ends of the windows that have updates which no final row sums up yet."""
    rows = updates
    if final_before is not None:
        # Updates of final windows count as well when they came after the windows were summed.
        rows = rows.where((_micros("window_end") > final_before) | (sf.col("batch_id") > (through_batch or 0)))
    return {row.end for row in rows.select(_micros("window_end").alias("end")).distinct().collect()}


def final_rows(
    updates: DataFrame,
    revenue: DataFrame,
    windows: Collection[int],
    window: int,
    final_before: int | None,
    through_batch: int | None,
) -> DataFrame:
    """The rows of gold.revenue_5m for windows (their ends) that are final now.

    A key of a window that was final before gets a row only if it has an update since, and then a new revision.
    """
    dates = sorted({_date(end - window) for end in windows})
    newest = -1 if through_batch is None else through_batch
    sums = (
        _of(updates, dates, windows)
        .groupBy(*KEY)
        .agg(
            sf.sum("revenue").cast("decimal(38,2)").alias("revenue"),
            sf.sum("event_count").alias("event_count"),
            sf.max("batch_id").alias("newest"),
        )
    )
    reopened = [end for end in windows if final_before is not None and end <= final_before]
    if not reopened:
        return _finished(sums, sf.lit(1))
    before = _of(revenue, dates, reopened).groupBy(*KEY).agg(sf.max("revision").alias("before"))
    changed = sums.where(~_micros("window_end").isin(*reopened) | (sf.col("newest") > newest))
    return _finished(changed.join(before, list(KEY), "left"), sf.coalesce("before", sf.lit(0)) + 1)


def _finished(sums: DataFrame, revision: Column) -> DataFrame:
    return sums.select(
        *KEY, "revenue", "event_count", sf.current_timestamp().alias("finalized_at"), revision.alias("revision")
    )


def _of(table: DataFrame, dates: list[str], windows: Collection[int]) -> DataFrame:
    # The dates are for the partitions: everything else need not be read.
    wanted = sf.col("window_date").isin(*[sf.lit(date).cast("date") for date in dates])
    return table.where(wanted & _micros("window_end").isin(*sorted(windows)))


def _micros(name: str) -> Column:
    return sf.unix_micros(name)


def _date(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, timezone.utc).strftime("%Y-%m-%d")
