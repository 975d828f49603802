"""Silver that begins in the middle: what lies before is taken over, and what comes after knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame

from penstock_jobs import reading_copy
from penstock_jobs.job import Job, JobRefused, RestartQuery, WaitingFor
from penstock_jobs.ledger import TableLedger
from tests.pipelines.sales.avro import event
from tests.pipelines.sales.lagging import BRONZE, SILVER, UPDATES, fill, finals, let_in, sums
from tests.pipelines.sales.stand import PARAMETERS, TOPIC, Record, Stand, micros

CUT = {"0": "29", "1": "24", "2": "43"}
"""Within commits of the bronze that `fill` makes, and in each partition at another time."""


class Killed(Exception):
    """The process died here."""


@pytest.fixture(autouse=True)
def small(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows are taken over in several pieces, and few ids are read in several batches."""
    stand.limits = {"maxFilesPerTrigger": 4}
    monkeypatch.setattr(reading_copy, "_ROWS_PER_FILE", 12)
    monkeypatch.setattr(reading_copy, "_ROWS_PER_CHUNK", 50)


def heir(stand: Stand, cut: dict[str, str], name: str = "heir") -> Stand:
    """The next generation, which begins at a cut with the rows before it."""
    other = Stand(stand.spark, stand.folder / name, stand.registry)
    other.generation = 2
    other.tables[BRONZE] = stand.tables[BRONZE]
    other.start = {"offsets": cut, "inherits": stand.tables[SILVER]}
    other.limits = {"maxFilesPerTrigger": 4}
    other.overrides, other.overrides_applied = stand.overrides, stand.overrides_applied
    return other


def run_to_the_end(stand: Stand) -> None:
    """Silver as the runner runs it: first what the copy has, then the table itself."""
    job = stand.run("silver")
    with pytest.raises(RestartQuery, match="the copy of"):
        job.idle()
    stand.run("silver")


def ended(stand: Stand) -> dict[tuple[int, int], tuple[Any, ...]]:
    """What each record ended as; one that was let in has one row or two."""
    rows = stand.read(SILVER).drop("low_watermark").orderBy("partition", "offset", "override").collect()
    return {(row.partition, row.offset): tuple(row) for row in rows}


def entries(stand: Stand, table: str = SILVER) -> list[Any]:
    ledger = TableLedger(stand.tables[table])
    found = [ledger.entry_of(version) for version in range((ledger.newest_version() or 0) + 1)]
    return [entry for entry in found if entry is not None]


def dying(after: int, processed: bool) -> Callable[[Job], Callable[[DataFrame, int], None]]:
    """Processing that dies with a batch: before anything of it was written, or before Spark has counted it."""

    def of(job: Job) -> Callable[[DataFrame, int], None]:
        def process(batch: DataFrame, batch_id: int) -> None:
            if batch_id < after:
                job.process(batch, batch_id)
                return
            if processed:
                job.process(batch, batch_id)
            raise Killed

        return process

    return of


def test_what_lies_before_stays_as_it_was_and_what_comes_after_follows_the_rules_of_now(stand: Stand) -> None:
    good = {"event_time": "2026-01-01T00:00:00Z"}
    stand.bronze(
        [
            Record(0, 0, 0, event(event_id="mars", region="MARS", **good)),
            Record(0, 1, 8, event(event_id="a", **good)),
            Record(0, 2, 8, event(event_id="b", event_time="2026-01-01T00:00:08Z")),
            Record(1, 0, 0, event(event_id="c", **good)),
        ],
        low_watermark=8,
    )
    later = {"event_time": "2026-01-01T00:00:09Z"}
    stand.bronze(
        [
            Record(0, 3, 9, event(event_id="mars", region="MARS", **later)),
            # By the rules of now `a` would not have been accepted; but it was.
            Record(0, 4, 9, event(event_id="a", **later)),
            Record(0, 5, 9, event(event_id="d", **good)),
            Record(1, 1, 9, event(event_id="b", **later)),
        ],
        low_watermark=9,
    )
    stand.run("silver")
    next_one = heir(stand, {"0": "3", "1": "1"})
    next_one.parameters = {**PARAMETERS, "allowedLatenessMs": 1_000, "aliases": {"region": {"MARS": "EU"}}}
    # The crash comes when all is taken over, and nothing is read yet.
    next_one.job("silver").prepare()
    run_to_the_end(next_one)
    outcomes = next_one.outcomes()
    assert {place: outcomes[place] for place in stand.outcomes() if place[1] < 3 - 2 * place[0]} == {
        (0, 0): "invalid", (0, 1): "accepted", (0, 2): "accepted", (1, 0): "accepted",
    }  # fmt: skip
    assert [outcomes[place] for place in ((0, 3), (0, 4), (0, 5), (1, 1))] == [
        "accepted", "duplicate", "late", "duplicate",
    ]  # fmt: skip
    (taken,) = [entry for entry in entries(next_one) if entry.kind == "inherit"]
    assert (taken.generation, taken.batch, taken.through) == (2, None, {TOPIC: {"0": "3", "1": "1"}})
    assert (taken.rows_in, taken.rows, taken.low_watermark) == (4, {"invalid": 1, "accepted": 3}, micros(8))


@pytest.mark.long
def test_by_the_same_rules_everything_is_as_it_is_there(stand: Stand) -> None:
    fill(stand, range(5), copies_across=True)
    stand.run("silver")
    # Once before the cut and once after it, both when more had been read.
    let_in(stand, 1, 13)
    fill(stand, range(5, 10), copies_across=True)
    stand.run("silver")
    let_in(stand, 2, 37)
    next_one = heir(stand, CUT)
    said: list[str] = []
    next_one.say_waiting = said.append
    run_to_the_end(next_one)
    version = TableLedger(stand.tables[SILVER]).newest_version()
    assert [text for text in said if text.startswith("taking")][:1] == [
        f"taking over silver.sales_events as it was at version {version}: 0 %"
    ]
    fill(stand, range(10, 12), copies_across=True)
    stand.tick(40)
    for each in (stand, next_one):
        each.run("silver")
        each.run("gold")
    assert ended(next_one) == ended(stand)
    assert len(ended(stand)) == 12 * 8 * 3
    assert sums(next_one) == sums(stand)
    assert finals(next_one) == finals(stand)
    for table in (SILVER, UPDATES):
        ours, theirs = next_one.newest_entry(table), stand.newest_entry(table)
        assert (ours.through, ours.low_watermark) == (theirs.through, theirs.low_watermark)
    # The override behind the cut is told of once more, with the commit that brought it.
    told = [data for data in next_one.reports.of("override") if data["number"] == 1]
    commit = TableLedger(next_one.tables[SILVER]).entry_of(told[0]["version"])
    assert commit is not None
    assert (told[0]["state"], commit.kind, commit.overrides) == ("applied", "inherit", (1,))


@pytest.mark.long
def test_the_ledger_counts_each_record_once_and_agrees_with_spark(stand: Stand) -> None:
    fill(stand, range(8), copies_across=True)
    stand.run("silver")
    let_in(stand, 1, 5)
    next_one = heir(stand, CUT)
    progress = []
    job = next_one.job("silver")
    job.prepare()
    next_one.run_prepared(job)
    progress += next_one.progress
    rows = next_one.read(SILVER).selectExpr("*", "unix_micros(low_watermark) AS mark").collect()
    all_of = entries(next_one)
    assert sum(entry.rows_in for entry in all_of) == 8 * 8 * 3
    assert sum(sum(entry.rows.values()) for entry in all_of) == len(rows)
    batches = {entry.batch: entry for entry in all_of if entry.kind == "batch"}
    assert sum(entry.known_ids for entry in batches.values()) > 12, "ids came in several files"
    for told in progress:
        if told["batchId"] not in batches or "addBatch" not in told["durationMs"]:
            continue
        entry = batches[told["batchId"]]
        dropped = told["stateOperators"][0]["customMetrics"]["numDroppedDuplicateRows"]
        assert told["numInputRows"] == 2 * (entry.rows_in + entry.known_ids)
        assert dropped == entry.rows.get("duplicate", 0) - entry.let_in_copies
        assert told["stateOperators"][0]["numRowsDroppedByWatermark"] == 0
    marks = [entry.low_watermark for entry in all_of if entry.kind != "create"]
    assert marks == sorted(marks)
    for entry in all_of:
        through = {int(partition): int(end) for partition, end in entry.through.get(TOPIC, {}).items()}
        left = [row.mark for row in rows if through and row.offset >= through.get(row.partition, 0)]
        assert not left or entry.low_watermark < min(left), "what is still to come is younger"


@pytest.mark.long
def test_what_was_interrupted_begins_anew_and_nothing_half_is_ever_there(stand: Stand) -> None:
    fill(stand, range(8), copies_across=True)
    stand.run("silver")
    next_one = heir(stand, CUT)

    def stop(text: str) -> None:
        if not text.endswith(" 0 %"):
            raise WaitingFor(text)

    next_one.say_waiting = stop
    with pytest.raises(WaitingFor, match=r"taking over silver\.sales_events as it was at version \d+: \d\d %"):
        next_one.job("silver").prepare()
    assert [entry.kind for entry in entries(next_one)] == ["create"]
    assert next_one.read(SILVER).count() == 0
    next_one.say_waiting = None
    run_to_the_end(next_one)
    assert ended(next_one) == ended(stand)


@pytest.mark.long
@pytest.mark.parametrize("processed", [False, True])
def test_ids_that_were_accepted_before_are_known_whenever_it_was_killed(stand: Stand, processed: bool) -> None:
    fill(stand, range(8), copies_across=True)
    stand.run("silver")
    next_one = heir(stand, CUT)
    next_one.limits = {"maxFilesPerTrigger": 1}
    for batch in (0, 2, 3, 6):
        with pytest.raises(Killed):
            next_one.run("silver", dying(batch, processed))
    run_to_the_end(next_one)
    assert ended(next_one) == ended(stand)
    assert [entry.kind for entry in entries(next_one)].count("inherit") == 1


@pytest.mark.long
def test_ids_beyond_two_horizons_are_not_read(stand: Stand) -> None:
    hour = 3_600
    late = {"event_time": "2026-01-01T01:00:00Z"}
    stand.bronze([Record(0, 0, 0, event(event_id="old"))], 0)
    stand.run("silver")
    stand.bronze([Record(0, 1, hour, event(event_id="young", **late))], hour)
    stand.run("silver")
    # The operator forgets at the end of a batch.
    stand.tick(hour)
    stand.run("silver")
    stand.bronze([Record(0, n, hour, event(event_id=("old", "young")[n % 2], **late)) for n in (2, 3)], hour + 1)
    stand.run("silver")
    next_one = heir(stand, {"0": "2"})
    run_to_the_end(next_one)
    assert sum(entry.known_ids for entry in entries(next_one)) == 1
    assert ended(next_one) == ended(stand)
    assert [row.outcome for row in next_one.silver()] == ["accepted", "accepted", "accepted", "duplicate"]


@pytest.mark.long
def test_at_the_end_there_is_nothing_to_read_yet_and_at_the_beginning_nothing_to_take_over(stand: Stand) -> None:
    fill(stand, range(3), copies_across=True)
    stand.run("silver")
    end = dict.fromkeys("012", "24")
    for name, cut in {"at-the-end": end, "at-the-beginning": dict.fromkeys("012", "0")}.items():
        next_one = heir(stand, cut, name)
        run_to_the_end(next_one)
        assert ended(next_one) == ended(stand)
    fill(stand, range(3, 5), copies_across=True)
    stand.run("silver")
    next_one.run("silver")
    assert ended(next_one) == ended(stand)


def test_offsets_that_the_other_generation_has_not_read_are_refused(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], 0)
    stand.run("silver")
    with pytest.raises(JobRefused, match=r"to begin at \{'0': '2'\} .* which has come to \{'0': '1'\} only"):
        heir(stand, {"0": "2"}).job("silver").prepare()
