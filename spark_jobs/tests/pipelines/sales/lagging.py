"""Traffic with a partition that lags and with everything that is refused, and what gold makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.pipelines.sales.avro import event
from tests.pipelines.sales.stand import TOPIC, Record, Stand

BRONZE, SILVER, UPDATES, REVENUE = (
    "bronze.sales_events",
    "silver.sales_events",
    "gold.revenue_5m_updates",
    "gold.revenue_5m",
)


def records(number: int, copies_across: bool) -> Iterator[Record]:
    """Eight records of every partition for one commit: good ones, copies of earlier ones, and bad ones.

    `copies_across`: there are copies of records of other partitions as well.
    """
    for partition in range(3):
        for n in range(8):
            offset = number * 8 + n
            fields: dict[str, Any] = {
                "event_id": f"{partition}-{offset}",
                "event_time": f"2026-01-01T00:00:{number:02}Z",
            }
            if copies_across and n == 2 and partition > 0 and number > 1:
                fields["event_id"] = f"{partition - 1}-{offset - 10}"
            if n == 3 and number > 0:
                fields["event_id"] = f"{partition}-{offset - 9}"
            if n == 4:
                fields["region"] = "MARS"
            if n == 5:
                fields["event_time"] = "2025-12-31T23:58:00Z"
            value = b"\x01x" if n == 6 else event(**fields)
            yield Record(partition, offset, number + n / 10, value)


def fill(stand: Stand, numbers: range, copies_across: bool = False) -> None:
    for number in numbers:
        # Of a lagging partition: two commits with one low watermark.
        stand.bronze(records(number, copies_across), low_watermark=number // 2 * 2)


def let_in(stand: Stand, number: int, offset: int) -> None:
    """Let silver apply an override of a late record of partition 0 that it has behind it."""
    stand.overrides.append({"number": number, "topic": TOPIC, "partition": 0, "offset": str(offset), "set": {}})
    job = stand.job("silver")
    job.prepare()
    job.idle()
    stand.overrides_applied = True


def sums(stand: Stand) -> list[tuple[Any, ...]]:
    query = "SELECT window_start, region, sum(revenue), sum(event_count) FROM {updates} GROUP BY ALL ORDER BY ALL"
    return [tuple(row) for row in stand.spark.sql(query, updates=stand.read(UPDATES)).collect()]


def finals(stand: Stand) -> list[tuple[Any, ...]]:
    """The newest revision of each window: how many there were depends on how the batches fell."""
    query = "SELECT window_start, region, max_by(struct(revenue, event_count), revision) FROM {revenue} GROUP BY ALL"
    return sorted(tuple(row) for row in stand.spark.sql(query, revenue=stand.read(REVENUE)).collect())
