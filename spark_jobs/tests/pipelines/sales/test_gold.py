"""Gold on real streams: partial sums, finality by low watermark, revisions, crashes between its two commits."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from penstock_jobs.job import JobRefused, WaitingFor
from penstock_jobs.pipelines.sales.finality import final_through
from penstock_jobs.pipelines.sales.gold import GoldJob
from tests.pipelines.sales.avro import event
from tests.pipelines.sales.stand import Record, Stand, micros


def at(seconds: float, event_id: str, **fields: Any) -> bytes:
    moment = datetime.fromtimestamp(micros(seconds) / 1e6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return event(event_id=event_id, event_time=moment, **fields)


def flow(stand: Stand, *kinds: str) -> None:
    for kind in kinds or ("silver", "gold"):
        stand.run(kind)


def revenue(stand: Stand) -> list[tuple[int, str, str, int, int]]:
    """Start of the window in seconds after the start of 2026, currency, revenue, count, revision."""
    rows = stand.read("gold.revenue_5m").selectExpr("*", "unix_micros(window_start) AS start").collect()
    return sorted(
        ((row.start - micros(0)) // 1_000_000, row.currency, str(row.revenue), row.event_count, row.revision)
        for row in rows
    )


@pytest.mark.parametrize(
    ("low", "expected"), [(14_999_999, 0), (15_000_000, 5_000_000), (19_999_999, 5_000_000), (9_999_999, -5_000_000)]
)
def test_a_window_is_final_when_the_low_watermark_has_passed_its_end_by_the_lateness(low: int, expected: int) -> None:
    assert final_through(low, allowed_lateness=10_000_000, window=5_000_000) == expected


def test_waits_for_silver_by_name(stand: Stand) -> None:
    with pytest.raises(WaitingFor, match=r"silver\.sales_events"):
        stand.job("gold").prepare()


def test_partial_sums_are_exact_and_never_mix_currencies(stand: Stand) -> None:
    stand.bronze(
        [
            Record(0, 0, 1, at(0, "a", amount=0.1)),
            Record(0, 1, 1, at(4.999999, "b", amount=0.2)),
            Record(0, 2, 1, at(5, "c", amount=9999999999999.99)),
            Record(0, 3, 1, at(0, "d", amount=7.0, currency="USD")),
            Record(0, 4, 1, at(0, "e", amount=-0.05, event_type="refund")),
            Record(0, 5, 1, at(0, "a", amount=0.1)),
        ],
        0,
    )
    flow(stand)
    rows = stand.read("gold.revenue_5m_updates").orderBy("window_start", "currency").collect()
    assert [(row.currency, row.revenue, row.event_count, row.batch_id) for row in rows] == [
        ("EUR", Decimal("0.25"), 3, 0),
        ("USD", Decimal("7.00"), 1, 0),
        ("EUR", Decimal("9999999999999.99"), 1, 0),
    ]
    assert all((row.window_end - row.window_start).total_seconds() == 5 for row in rows)
    assert revenue(stand) == []


def test_windows_become_final_in_one_commit_when_the_low_watermark_passes(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 1, at(0, "a")), Record(0, 1, 7, at(6, "b"))], 7)
    flow(stand)
    stand.bronze([Record(0, 2, 8, at(1, "c", amount=1.0)), Record(0, 3, 16, at(16, "d"))], 16)
    flow(stand)
    assert revenue(stand) == [(0, "EUR", "50.00", 2, 1)]
    entry = stand.newest_entry("gold.revenue_5m")
    assert (entry.kind, entry.final_through, entry.through_batch, entry.updates_version) == ("final", micros(5), 1, 2)


def test_a_tick_closes_windows_when_traffic_has_stopped(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 1, at(0, "a"))], 1)
    flow(stand)
    stand.tick(14)
    flow(stand)
    assert revenue(stand) == []
    stand.tick(15)
    flow(stand)
    assert revenue(stand) == [(0, "EUR", "49.00", 1, 1)]


def test_nothing_is_written_when_there_is_no_window_to_make_final(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 100, at(100, "a"))], 100)
    flow(stand)
    assert stand.newest_entry("gold.revenue_5m").kind == "create"


def test_a_row_for_a_final_window_makes_a_new_revision_of_its_key_only(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 1, at(0, "a")), Record(0, 1, 1, at(0, "b", currency="USD"))], 20)
    flow(stand)
    stand.bronze([Record(0, 2, 2, at(0, "late comer", amount=1.0))], 20)
    flow(stand)
    assert revenue(stand) == [
        (0, "EUR", "49.00", 1, 1),
        (0, "EUR", "50.00", 2, 2),
        (0, "USD", "49.00", 1, 1),
    ]


def test_a_repeated_batch_is_added_once(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 1, at(0, "a"))], 1)
    flow(stand)
    stand.forget_last_commit("gold")
    stand.bronze([Record(0, 1, 2, at(1, "b"))], 20)
    flow(stand)
    assert revenue(stand) == [(0, "EUR", "98.00", 2, 1)]
    assert stand.read("gold.revenue_5m_updates").count() == 2


@pytest.mark.parametrize("by", ["a repeated batch", "idle"])
def test_a_crash_between_the_updates_and_the_final_rows_is_made_good(stand: Stand, by: str) -> None:
    class Crash(Exception):
        pass

    def crash_before_final_rows(job: GoldJob) -> Any:
        def crash() -> None:
            raise Crash

        job._finalise = crash  # type: ignore[method-assign]
        return job.process

    stand.bronze([Record(0, 0, 1, at(0, "a"))], 20)
    stand.run("silver")
    with pytest.raises(Crash):
        stand.run("gold", crash_before_final_rows)  # type: ignore[arg-type]
    assert revenue(stand) == []
    if by == "idle":
        job = stand.job("gold")
        job.prepare()
        job.idle()
    else:
        stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "49.00", 1, 1)]
    stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "49.00", 1, 1)]


def test_a_wiped_checkpoint_is_refused(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 1, at(0, "a"))], 1)
    flow(stand)
    stand.checkpoint("gold").rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.run("gold")
