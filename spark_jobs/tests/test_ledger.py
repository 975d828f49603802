"""Ledger entries and how they are found in a table's log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from penstock_jobs.ledger import LedgerEntry, LedgerGone, TableLedger, from_micros, parse_entry, to_micros

ENTRY = LedgerEntry(
    "batch",
    "sales.bronze",
    1,
    3,
    batch=42,
    source_from=None,
    source_to='{"t":{"0":5}}',
    through={"t": {"0": "5"}},
    low_watermark=1_767_225_600_123_456,
    rows_in=5,
    rows={"appended": 5},
    last_timestamps={"0": 1_767_225_600_000_000},
)


def commit(log: Path, version: int, user_metadata: str | None) -> None:
    log.mkdir(parents=True, exist_ok=True)
    info = {"operation": "WRITE"} | ({"userMetadata": user_metadata} if user_metadata else {})
    lines = [json.dumps({"commitInfo": info}), json.dumps({"add": {"path": "x"}})]
    (log / f"{version:020d}.json").write_text("\n".join(lines))


def test_an_override_keeps_the_position_of_the_batch_before_it() -> None:
    batch = replace(ENTRY, let_in_copies=2)
    assert parse_entry(batch.to_json()) == batch
    entry = batch.with_overrides((7, 9), epoch=4)
    assert parse_entry(entry.to_json()) == entry
    position = replace(entry, kind="batch", epoch=3, rows_in=5, rows={"appended": 5}, overrides=(), let_in_copies=2)
    assert position == batch
    assert (entry.overrides, entry.rows, entry.rows_in) == ((7, 9), {"overridden": 2}, 0)
    assert entry.tick(entry.low_watermark or 0, 5).overrides == ()


def table(folder: Path, *entries: str | None, first: int = 0) -> TableLedger:
    for version, entry in enumerate(entries, first):
        commit(folder / "_delta_log", version, entry)
    return TableLedger(str(folder))


def test_an_entry_reads_back_as_it_was_written() -> None:
    assert parse_entry(ENTRY.to_json()) == ENTRY


def test_an_entry_is_written_as_the_contract_says() -> None:
    assert json.loads(ENTRY.to_json()) == {
        "penstock": 1,
        "kind": "batch",
        "job": "sales.bronze",
        "generation": 1,
        "epoch": 3,
        "batch": 42,
        "source": {"from": None, "to": '{"t":{"0":5}}'},
        "through": {"t": {"0": "5"}},
        "lowWatermark": "2026-01-01T00:00:00.123456Z",
        "rowsIn": 5,
        "rows": {"appended": 5},
        "lastTimestamps": {"0": "2026-01-01T00:00:00.000000Z"},
    }


def test_a_final_entry_says_which_windows_are_final() -> None:
    final = LedgerEntry("final", "sales.gold", 1, 1, 4, final_through=0, through_batch=4, updates_version=9)
    data = final.to_data()
    assert (data["finalThrough"], data["throughBatch"], data["updatesVersion"]) == ("1970-01-01T00:00:00.000000Z", 4, 9)
    assert parse_entry(final.to_json()) == final


@pytest.mark.parametrize("text", [None, "", "free text", "[1]", '{"penstock": 2}', "{"])
def test_metadata_of_others_is_no_entry(text: str | None) -> None:
    assert parse_entry(text) is None


@pytest.mark.parametrize("micros", [0, 1, 1_767_225_600_123_456, -30_610_224_000_000_000, 253_402_300_799_999_999])
def test_times_keep_their_microseconds(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


def test_times_without_a_fraction_are_read() -> None:
    assert to_micros("2026-01-01T00:00:00Z") == 1_767_225_600_000_000


def test_the_newest_entry_is_found_below_the_commits_of_others(tmp_path: Path) -> None:
    ledger = table(tmp_path, None, ENTRY.to_json(), None, "OPTIMIZE by hand")
    assert ledger.newest_entry() == (1, ENTRY)
    assert ledger.newest_entry(at_most=0) is None


def test_entries_that_are_not_accepted_are_passed_over(tmp_path: Path) -> None:
    tick = ENTRY.tick(1_767_225_700_000_000, epoch=4)
    ledger = table(tmp_path, ENTRY.to_json(), tick.to_json())
    assert ledger.newest_entry() == (1, tick)
    assert ledger.newest_entry(accept=lambda entry: entry.kind == "batch") == (0, ENTRY)


def test_a_tick_keeps_the_position_and_has_no_rows() -> None:
    tick = ENTRY.tick(1_767_225_700_000_000, epoch=4)
    assert (tick.kind, tick.batch, tick.through, tick.epoch) == ("tick", 42, ENTRY.through, 4)
    assert (tick.rows_in, tick.rows, tick.low_watermark) == (0, {}, 1_767_225_700_000_000)


def test_a_log_without_the_entry_in_reach_is_refused_by_name(tmp_path: Path) -> None:
    ledger = table(tmp_path, None, None, first=10)
    with pytest.raises(LedgerGone, match=r"commit 9 has been removed by log clean-up"):
        ledger.newest_entry()


def test_versions_are_counted_on_from_a_known_one(tmp_path: Path) -> None:
    ledger = table(tmp_path, None, None, None, first=7)
    assert (ledger.newest_version(), ledger.newest_version(8), ledger.newest_version(9)) == (9, 9, 9)


def test_where_no_table_is_there_is_no_version(tmp_path: Path) -> None:
    assert TableLedger(str(tmp_path / "nothing")).newest_version() is None
    assert TableLedger(str(tmp_path / "nothing")).newest_entry() is None
