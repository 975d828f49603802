"""The low watermark as a function, and when ticks stop."""

from __future__ import annotations

from penstock_jobs.pipelines.sales.low_watermark import low_watermark, still_matters
from tests.pipelines.sales.stand import PARAMETERS


def mark(
    previous: int = 100,
    ends: dict[str, int] | None = None,
    through: dict[str, str] | None = None,
    last: dict[str, int] | None = None,
) -> int:
    return low_watermark(previous, 1000, 10, ends or {}, through or {}, last or {})


def test_all_read_counts_up_to_the_asking_less_the_margin() -> None:
    assert mark(ends={"0": 5, "1": 0}, through={"0": "5"}, last={"0": 300}) == 990


def test_the_slowest_partition_with_a_lag_decides() -> None:
    ends, through = {"0": 5, "1": 9, "2": 9}, {"0": "5", "1": "8", "2": "3"}
    assert mark(ends=ends, through=through, last={"0": 1, "1": 400, "2": 300}) == 290


def test_a_newer_last_record_in_a_partition_with_a_lag_hides_no_older_one_that_the_margin_allows() -> None:
    # CreateTime: the last record read is of this moment, and the next one a whole margin old.
    ends, through = {"0": 9, "1": 9}, {"0": "8", "1": "8"}
    now, margin = 1000, 700
    risen = low_watermark(100, now, margin, ends, through, {"0": now, "1": now})
    assert risen == now - margin
    # A clock that is ahead moves it no further than the moment of asking does.
    assert low_watermark(100, now, margin, ends, through, {"0": now + 500, "1": now + 500}) == risen


def test_a_partition_with_a_lag_that_was_never_read_holds_everything() -> None:
    assert mark(ends={"0": 5, "1": 9}, through={"0": "5", "1": "0"}, last={"0": 800}) == 100


def test_it_never_falls() -> None:
    assert mark(previous=995, ends={"0": 5}, through={"0": "5"}) == 995
    assert mark(previous=500, ends={"0": 5}, through={"0": "4"}, last={"0": 400}) == 500


def test_a_new_partition_with_records_counts_as_a_lag() -> None:
    assert mark(ends={"0": 5, "1": 1}, through={"0": "5"}) == 100


def test_without_partitions_nothing_rises() -> None:
    assert mark() == 100


def test_ticks_go_on_until_no_window_can_be_open_any_more() -> None:
    # lateness 10 s, skew 5 s, two windows of 5 s, one tick of 1 s
    reach = 26_000_000
    assert still_matters(reach - 1, {"0": 0, "1": -5}, PARAMETERS)
    assert not still_matters(reach, {"0": 0, "1": -5}, PARAMETERS)


def test_there_are_no_ticks_before_the_first_record() -> None:
    assert not still_matters(0, {}, PARAMETERS)
