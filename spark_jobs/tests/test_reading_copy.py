"""How the files of a reading copy become versions with their ledger entries."""

from __future__ import annotations

from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.reading_copy import Gap, _commits, _Part

TOPIC = "t"
NEWEST = LedgerEntry("tick", "sales.bronze", 2, 5, 40, through={TOPIC: {"0": "90", "1": "50"}}, low_watermark=900)


def part(name: str, through: dict[str, str], lowest: int, highest: int) -> _Part:
    return _Part(name, 10, 3, {TOPIC: through}, lowest, highest)


def told(parts: list[_Part], gap: Gap, version: int) -> list[tuple[list[str], dict[str, str], int | None]]:
    """Files, offsets and low watermark of each version."""
    commits = _commits(parts, gap, NEWEST, version)
    return [
        ([path for path, _ in commit.files], dict(commit.entry.through[TOPIC]), commit.entry.low_watermark)
        for commit in commits
    ]


def test_each_version_says_how_far_it_goes_and_the_last_one_says_what_the_table_does() -> None:
    parts = [
        part("a", {"0": "10"}, 100, 200),
        part("b", {"1": "7"}, 300, 300),
        part("c", {"0": "80", "1": "9"}, 400, 500),
    ]
    assert told(parts, Gap(0, None), 30) == [
        (["a"], {"0": "10"}, 200),
        (["b"], {"0": "10", "1": "7"}, 300),
        (["c"], {"0": "90", "1": "50"}, 900),
    ]
    entries = [commit.entry for commit in _commits(parts, Gap(0, None), NEWEST, 30)]
    assert [(entry.kind, entry.generation, entry.rows_in) for entry in entries[:2]] == [("copy", 2, 3)] * 2
    assert entries[-1] is NEWEST


def test_a_low_watermark_is_reached_with_the_last_of_its_rows() -> None:
    parts = [part("a", {"0": "1"}, 100, 200), part("b", {"0": "2"}, 200, 200), part("c", {"0": "3"}, 200, 300)]
    parts.append(part("d", {"0": "4"}, 400, 400))
    known = LedgerEntry("batch", "sales.silver", 1, 1, through={TOPIC: {"0": "0"}}, low_watermark=50)
    marks = [low for _, _, low in told(parts, Gap(4, known), 30)]
    assert marks == [50, 50, 300, 900]


def test_what_was_read_before_counts_and_is_never_taken_back() -> None:
    known = LedgerEntry("batch", "sales.silver", 1, 1, through={TOPIC: {"0": "60", "1": "20"}}, low_watermark=50)
    # A record that was let in lies before what had been read.
    parts = [part("a", {"0": "3", "1": "25"}, 60, 70), part("b", {"0": "90"}, 80, 90)]
    assert told(parts, Gap(4, known), 30)[0] == (["a"], {"0": "60", "1": "25"}, 70)


def test_there_are_no_more_versions_than_the_reader_has_before_it() -> None:
    parts = [part(str(n), {"0": str(n + 1)}, n, n) for n in range(10)]
    assert [files for files, _, _ in told(parts, Gap(6, None), 9)] == [
        ["0", "1", "2"],
        ["3", "4", "5"],
        ["6", "7", "8"],
        ["9"],
    ]
    assert len(told(parts, Gap(0, None), 9)) == 5


def test_where_no_row_is_left_one_version_says_the_position() -> None:
    assert told([], Gap(4, None), 9) == [([], {"0": "90", "1": "50"}, 900)]
