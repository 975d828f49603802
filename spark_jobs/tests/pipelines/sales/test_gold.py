"""Gold on real streams: partial sums, finality by low watermark, revisions, crashes between its two commits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame

from penstock_jobs.job import Job, JobRefused, WaitingFor
from penstock_jobs.offsets import CheckpointDamaged
from penstock_jobs.pipelines.sales.finality import final_through
from penstock_jobs.pipelines.sales.gold import GoldJob
from tests.pipelines.sales.stand import TOPIC, Sale, Stand, micros


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


def test_windows_wait_for_records_of_a_stretch_that_may_be_later_than_others(stand: Stand) -> None:
    longer = {"allowedLatenessMs": stand.parameters["allowedLatenessMs"] + 60_000}
    bounded = {"bounded": [{"from": None, "to": {"0": "3"}, "rules": longer}]}
    stand.parameters = {**stand.parameters, **bounded}
    stand.accepted([Sale(0), Sale(31)], 30)
    stand.run("gold")
    assert revenue(stand) == [], "the third record may still be of this window"
    stand.accepted([Sale(1, "1.00")], 31)
    stand.run("gold")
    assert [(start, count, revision) for start, _, _, count, revision in revenue(stand)] == [(0, 2, 1)]


def test_partial_sums_are_exact_and_never_mix_currencies(stand: Stand) -> None:
    stand.accepted(
        [
            Sale(0, "0.10"),
            Sale(4.999999, "0.20"),
            Sale(0, "-0.05"),
            Sale(5, "9999999999999999.99"),
            Sale(6, "9999999999999999.99"),
            Sale(0, "7.00", "USD"),
        ],
        0,
    )
    stand.run("gold")
    rows = stand.read("gold.revenue_5m_updates").orderBy("window_start", "currency").collect()
    assert [(row.currency, row.revenue, row.event_count, row.batch_id) for row in rows] == [
        ("EUR", Decimal("0.25"), 3, 0),
        ("USD", Decimal("7.00"), 1, 0),
        ("EUR", Decimal("19999999999999999.98"), 2, 0),
    ]
    assert all((row.window_end - row.window_start).total_seconds() == 5 for row in rows)
    entry = stand.newest_entry("gold.revenue_5m_updates")
    assert (entry.rows_in, entry.low_watermark, entry.through) == (6, micros(0), {TOPIC: {"0": "6"}})
    assert stand.newest_entry("gold.revenue_5m").kind == "create", "nothing is final yet"


def test_windows_become_final_as_the_low_watermark_passes_and_late_comers_make_revisions(stand: Stand) -> None:
    stand.accepted([Sale(0), Sale(0, "5.00", "USD"), Sale(6)], 7)
    stand.accepted([Sale(1, "1.00"), Sale(16)], 14)
    stand.run("gold")
    assert revenue(stand) == []

    # What a tick becomes in silver: a risen low watermark and no rows.
    stand.accepted([], 15)
    stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "50.00", 2, 1), (0, "USD", "5.00", 1, 1)]
    entry = stand.newest_entry("gold.revenue_5m")
    assert (entry.kind, entry.final_through, entry.through_batch, entry.updates_version) == ("final", micros(5), 1, 2)

    stand.accepted([Sale(2, "0.50")], 20)
    stand.run("gold")
    assert revenue(stand) == [
        (0, "EUR", "50.00", 2, 1),
        (0, "EUR", "50.50", 3, 2),
        (0, "USD", "5.00", 1, 1),
        (5, "EUR", "49.00", 1, 1),
    ]
    finals = stand.read("gold.revenue_5m").select("finalized_at", "batch_id").distinct().orderBy("batch_id").collect()
    assert [row.batch_id for row in finals] == [1, 2], "each commit has a higher batch: it orders the rows for readers"
    assert finals[0].finalized_at < finals[1].finalized_at


def test_a_repeated_batch_is_added_once_and_a_wiped_checkpoint_is_refused(stand: Stand) -> None:
    stand.accepted([Sale(0)], 1)
    stand.run("gold")
    stand.forget_last_commit("gold")
    stand.accepted([Sale(1)], 20)
    stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "98.00", 2, 1)]
    assert stand.read("gold.revenue_5m_updates").count() == 2
    stand.checkpoint("gold").rename(stand.folder / "gone")
    with pytest.raises(JobRefused, match=r"checkpoint .* is empty"):
        stand.job("gold").prepare()


def test_a_torn_plan_of_the_next_batch_is_named_and_without_it_the_job_goes_on(stand: Stand) -> None:
    stand.accepted([Sale(0)], 1)
    stand.run("gold")
    torn = stand.checkpoint("gold") / "offsets" / "1"
    torn.write_text("")
    stand.accepted([Sale(1)], 20)
    with pytest.raises(CheckpointDamaged, match=r"offsets/1 holds no text .* nothing of it was written"):
        stand.job("gold").prepare()
    torn.unlink()
    stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "98.00", 2, 1)]


@pytest.mark.parametrize("by", ["a repeated batch", "idle"])
def test_a_crash_between_the_updates_and_the_final_rows_is_made_good(stand: Stand, by: str) -> None:
    class Crash(Exception):
        pass

    def crash_before_final_rows(job: Job) -> Callable[[DataFrame, int], None]:
        def crash(*_: Any) -> None:
            raise Crash

        assert isinstance(job, GoldJob)
        job._revenue.append = crash  # type: ignore[method-assign,assignment]
        return job.process

    stand.accepted([Sale(0)], 20)
    with pytest.raises(Crash):
        stand.run("gold", crash_before_final_rows)
    assert revenue(stand) == []
    if by == "idle":
        job = stand.job("gold")
        job.prepare()
        job.idle()
        job.idle()
    else:
        stand.run("gold")
    assert revenue(stand) == [(0, "EUR", "49.00", 1, 1)]
