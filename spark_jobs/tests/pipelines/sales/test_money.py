"""Money from the Avro double to the decimal of gold, to the cent: docs/decisions/0004."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

import pytest
from pyspark.errors import ArithmeticException

from penstock_jobs.pipelines.sales.finality import final_rows
from tests.pipelines.sales.avro import event
from tests.pipelines.sales.stand import Record, Stand

CENT = Decimal("0.01")
AMOUNTS = (
    *(0.0, -0.0, 0.004, 0.005, 0.1, 0.2, 0.3, 1.005, 2.675, 1e-7, 33.333333333),
    # The largest doubles that decimal(18,2) holds, and what a sum of doubles loses beside them.
    *(9999999999999998.0, 9999999999999996.0, 90071992547409.93, 0.01, 0.07, 123456789012.345),
)
NEGATIVE = (-0.005, -0.01, -0.1, -49.99, -9999999999999998.0, -90071992547409.91)
CURRENCIES = ("USD", "CAD", "EUR")


def shortest(amount: float) -> Decimal:
    """What people read: the shortest form of the double, rounded half away from zero."""
    return Decimal(repr(amount)).quantize(CENT, ROUND_HALF_UP)


def sales() -> Iterator[tuple[str, int, float, str]]:
    """Currency, window, amount and type of events; each currency has all amounts, shifted by one."""
    for number in range(3 * len(AMOUNTS)):
        yield CURRENCIES[number % 3], number % 2, AMOUNTS[(number // 3 + number % 3) % len(AMOUNTS)], "renewal"
    for number in range(3 * len(NEGATIVE)):
        yield CURRENCIES[number % 3], number % 2, NEGATIVE[number // 3], ("refund", "chargeback")[number % 2]


def test_every_cent_of_every_event_arrives_in_its_own_currency(stand: Stand) -> None:
    expected: dict[tuple[int, str], list[Decimal]] = defaultdict(list)
    records = []
    for number, (currency, window, amount, event_type) in enumerate(sales()):
        at = f"2026-01-01T00:00:{window * 5:02}Z"
        value = event(event_id=f"e{number}", event_time=at, currency=currency, amount=amount, event_type=event_type)
        records.append(Record(0, number, window * 5, value))
        expected[window * 5, currency].append(shortest(amount))
    # In two batches, so that sums are made of sums.
    for half in (records[::2], records[1::2]):
        stand.bronze(half, 6)
        stand.run("silver")
        stand.run("gold")
    stand.tick(100)
    stand.run("silver")
    stand.run("gold")

    assert {row.outcome for row in stand.silver()} == {"accepted"}
    found = stand.silver()
    assert [row.amount for row in found] == [shortest(amount) for _, _, amount, _ in sales()]
    sums = {key: sum(amounts, Decimal(0)) for key, amounts in expected.items()}
    for table, revision in (("gold.revenue_5m_updates", None), ("gold.revenue_5m", 1)):
        rows = stand.read(table).selectExpr("*", "unix_seconds(window_start) % 60 AS second").collect()
        if revision is None:
            assert len({row.batch_id for row in rows}) > 1
        else:
            assert [row.revision for row in rows] == [revision] * 6
        figures: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        counts: dict[tuple[int, str], int] = defaultdict(int)
        for row in rows:
            figures[row.second, row.currency] += row.revenue
            counts[row.second, row.currency] += row.event_count
        assert figures == sums
        assert counts == {key: len(amounts) for key, amounts in expected.items()}
    assert max(sums.values()) * 100 > 2**53, "more cents than a double can tell apart"
    types = dict(stand.read("gold.revenue_5m").dtypes)
    assert types["revenue"] == "decimal(38,2)"


def test_a_sum_that_no_longer_fits_stops_the_job_rather_than_be_wrong(stand: Stand) -> None:
    # Not by way of silver, whose amounts could never add up to it.
    window, end = 5_000_000, 1_767_225_605_000_000
    key = "window_date date, window_start timestamp, window_end timestamp, plan_tier string, region string"
    updates = stand.spark.sql(f"""
        SELECT date '2026-01-01' AS window_date, timestamp_micros({end - window}) AS window_start,
          timestamp_micros({end}) AS window_end, 'pro' AS plan_tier, 'EU' AS region, 'EUR' AS currency,
          CAST(amount AS decimal(38,2)) AS revenue, 1L AS event_count, batch_id
        FROM VALUES ('{"9" * 36}.98', 0L), ('0.01', 1L), ('0.01', 2L) AS (amount, batch_id)""")
    revenue = stand.spark.createDataFrame([], f"{key}, currency string, revenue decimal(38,2), revision int")

    def finals(batches: int) -> list[Decimal]:
        rows = final_rows(updates.where(f"batch_id < {batches}"), revenue, [end], window, None, None)
        return [row.revenue for row in rows.collect()]

    assert finals(2) == [Decimal("9" * 36 + ".99")]
    with pytest.raises(ArithmeticException):
        finals(3)
