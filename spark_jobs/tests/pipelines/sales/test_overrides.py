"""Refused records that people let in: once, with what they replaced, and again by every replay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from penstock_jobs.job import Job, RestartQuery
from penstock_jobs.ledger import TableLedger
from penstock_jobs.pipelines.sales import settlement
from tests.pipelines.sales.avro import CONTRACT, event, event_bytes, framed
from tests.pipelines.sales.stand import TOPIC, Record, Registry, Stand, micros

NAME = "silver.sales_events"
LATE = "2025-12-31T23:58:00Z"


def let_in(stand: Stand, number: int, offset: int, **fields: Any) -> None:
    """The control plane names an override of a record of partition 0."""
    stand.overrides.append(
        {"number": number, "topic": TOPIC, "partition": 0, "offset": str(offset), "set": fields},
    )


def settled(stand: Stand) -> dict[int, tuple[str, list[str], str | None]]:
    """What was reported last of each override."""
    return {
        data["number"]: (data["state"], data["reasons"], data.get("duplicateOf"))
        for data in stand.reports.of("override")
    }


def dropped(stand: Stand) -> int:
    """Spark's own count of duplicates in the last batch."""
    return int(stand.progress[-1]["stateOperators"][0]["customMetrics"]["numDroppedDuplicateRows"])


def opened(stand: Stand) -> Job:
    """The job between two batches."""
    job = stand.job("silver")
    job.prepare()
    return job


def rows_of(stand: Stand) -> list[tuple[int, str, int | None]]:
    rows = stand.read(NAME).orderBy("offset", "override").collect()
    return [(row.offset, row.outcome, row.override) for row in rows]


def test_a_late_record_is_let_in_once_in_a_commit_of_its_own(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a", event_time=LATE)), Record(0, 1, 0, event(event_id="b"))], 30)
    stand.run("silver")
    stand.run("gold")
    before = stand.newest_entry(NAME)
    let_in(stand, 7, 0)
    job = opened(stand)
    for _ in range(2):
        job.idle()
    assert rows_of(stand) == [(0, "late", None), (0, "accepted", 7), (1, "accepted", None)]
    entry = stand.newest_entry(NAME)
    assert (entry.kind, entry.overrides, entry.rows_in, entry.rows) == ("override", (7,), 0, {"overridden": 1})
    # Its position is that of the batch before it.
    assert (entry.batch, entry.through, entry.low_watermark) == (before.batch, before.through, before.low_watermark)
    version = TableLedger(stand.tables[NAME]).newest_version()
    (report,) = stand.reports.of("override")
    assert report == {
        "number": 7, "state": "applied", "reasons": [], "eventId": "a", "version": version, "batch": 0,
    }  # fmt: skip
    accepted = stand.read(NAME).where("override = 7").collect()[0]
    assert (accepted.value, accepted.reasons, accepted.amount, accepted.event_id) == (None, None, Decimal("49.00"), "a")

    # Gold sums it like any other row; its window was final, so it gets one more row of it.
    stand.run("gold")
    sums = stand.read("gold.revenue_5m_updates").collect()
    assert sorted((row.window_start.isoformat(), row.event_count) for row in sums) == [
        ("2025-12-31T23:58:00", 1),
        ("2026-01-01T00:00:00", 1),
    ]


def test_a_window_that_was_final_gets_a_revision(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a")), Record(0, 1, 0, event(event_id="b", region="MARS"))], 30)
    stand.run("silver")
    stand.run("gold")
    let_in(stand, 1, 1, region="eu")
    opened(stand).idle()
    stand.run("gold")
    final = stand.read("gold.revenue_5m").orderBy("revision").collect()
    assert [(row.revision, row.event_count, row.revenue) for row in final] == [
        (1, 1, Decimal("49.00")),
        (2, 2, Decimal("98.00")),
    ]


def test_more_than_are_ever_named_at_once_are_let_in_by_one_commit(stand: Stand) -> None:
    many = 600
    stand.bronze([Record(0, n, 0, event(event_id=f"e-{n}", event_time=LATE)) for n in range(many)], 30)
    stand.run("silver")
    ledger = TableLedger(stand.tables[NAME])
    before = ledger.newest_version()
    for n in range(many):
        let_in(stand, n + 1, n, amount=f"{n}.25")
    job = opened(stand)
    for _ in range(2):
        job.idle()
    assert settled(stand) == {n + 1: ("applied", [], None) for n in range(many)}
    rows = stand.read(NAME).where("override IS NOT NULL").collect()
    assert sorted((row.override, row.offset) for row in rows) == [(n + 1, n) for n in range(many)]
    assert sum(row.amount for row in rows) == sum(Decimal(n) + Decimal("0.25") for n in range(many))
    assert ledger.newest_version() == before + 1
    assert stand.newest_entry(NAME).rows == {"overridden": many}


def test_fields_are_replaced_and_what_stays_wrong_is_refused_with_its_reasons(stand: Stand, registry: Registry) -> None:
    records = [
        event(event_id="region", region="MARS", source="kiosk"),
        event(event_id="", amount=-1.0),
        event(event_id="still", region="MARS", amount=-1.0),
        b"\x01x",
        event(event_id="copy"),
        event(event_id="copy"),
        event(event_id="copy", event_time=LATE),
        event(event_id="twin", event_time=LATE),
        event(event_id="twin", event_time=LATE),
        framed(event_bytes(event_id="unknown"), 99),
    ]
    ids = {3: None, 9: 99}
    stand.bronze([Record(0, n, 0, value, ids.get(n, 7)) for n, value in enumerate(records)], 0)
    stand.run("silver")
    let_in(stand, 1, 0, region="eu", source="")
    let_in(stand, 2, 1, event_id="new", amount="9999999999999999.99", schema_version=3)
    let_in(stand, 3, 2, region="EU")
    let_in(stand, 4, 3, event_id="made up", amount="1.00")
    let_in(stand, 5, 4)
    let_in(stand, 6, 6)
    let_in(stand, 7, 7)
    let_in(stand, 8, 8)
    let_in(stand, 9, 9)
    let_in(stand, 10, 5, event_id="another")
    opened(stand).idle()
    assert settled(stand) == {
        1: ("applied", [], None),
        2: ("applied", [], None),
        3: ("refused", ["BAD_AMOUNT"], None),
        4: ("refused", ["BAD_MAGIC"], None),
        5: ("refused", ["ALREADY_ACCEPTED"], None),
        6: ("refused", ["DUPLICATE"], f"{TOPIC}/0/4"),
        7: ("applied", [], None),
        8: ("refused", ["DUPLICATE"], f"{TOPIC}/0/7"),
        9: ("refused", ["UNKNOWN_SCHEMA_ID"], None),
        10: ("applied", [], None),
    }
    let = {row.override: row for row in stand.read(NAME).where("override IS NOT NULL").collect()}
    assert sorted(let) == [1, 2, 7, 10]
    assert (let[1].region, let[1].source, let[1].event_id) == ("EU", None, "region")
    assert (let[2].event_id, let[2].amount, let[2].schema_version) == ("new", Decimal("9999999999999999.99"), 3)
    # By now the registry knows the writer: the query is planned anew, and then the record can be read.
    registry.schemas[99] = {"schema": CONTRACT}
    stand.overrides[:] = [{**stand.overrides[8], "number": 11}]
    job = opened(stand)
    with pytest.raises(RestartQuery, match="99"):
        job.idle()
    job.prepare()
    job.idle()
    assert settled(stand)[11] == ("applied", [], None)


def test_a_silent_registry_holds_up_nothing_but_the_overrides_that_need_it(stand: Stand, registry: Registry) -> None:
    unknown = framed(event_bytes(event_id="unknown"), 99)
    stand.bronze([Record(0, 0, 0, unknown, 99), Record(0, 1, 0, event(event_id="a", event_time=LATE))], 0)
    stand.run("silver")
    job = opened(stand)
    let_in(stand, 1, 0)
    let_in(stand, 2, 1)
    registry.failing = True
    registry.schemas[99] = {"schema": CONTRACT}
    job.idle()
    assert settled(stand) == {2: ("applied", [], None)}
    # It is not asked before every batch, whose way it would hold up each time.
    asked = len(registry.asked)
    job.idle()
    assert len(registry.asked) == asked
    registry.failing = False
    job = opened(stand)
    with pytest.raises(RestartQuery, match="99"):
        job.idle()
    job.prepare()
    job.idle()
    assert settled(stand)[1] == ("applied", [], None)


def test_a_report_is_repeated_while_the_override_is_still_named(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a", event_time=LATE)), Record(0, 1, 0, event(event_id="b"))], 0)
    stand.run("silver")
    let_in(stand, 1, 0)
    let_in(stand, 2, 1)
    job = opened(stand)
    job.idle()
    first = stand.reports.of("override")
    job.idle()
    assert stand.reports.of("override") == first
    monkeypatch.setattr(settlement, "_REPORT_AGAIN_S", 0.0)
    job = opened(stand)
    for _ in range(2):
        job.idle()
    told = sorted(stand.reports.of("override"), key=lambda report: report["number"])
    assert told == [report for report in sorted(first, key=lambda report: report["number"]) for _ in range(3)]
    assert rows_of(stand) == [(0, "late", None), (0, "accepted", 1), (1, "accepted", None)]


def test_a_query_is_planned_with_the_overrides_of_records_still_ahead_alone(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a", event_time=LATE))], 0)
    stand.run("silver")
    let_in(stand, 1, 0)
    let_in(stand, 2, 7)
    job = opened(stand)
    plan: Any = job.source()._jdf
    text = plan.queryExecution().analyzed().toString()
    assert f"{TOPIC}/0/7" in text
    assert f"{TOPIC}/0/0" not in text


def test_an_override_whose_report_was_lost_is_not_applied_again(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a", event_time=LATE))], 0)
    stand.run("silver")
    let_in(stand, 3, 0)
    opened(stand).idle()
    (first,) = stand.reports.of("override")
    stand.tick(5)
    stand.run("silver")
    assert rows_of(stand) == [(0, "late", None), (0, "accepted", 3)]
    assert stand.reports.of("override") == [first, first]


def test_later_copies_of_what_was_let_in_are_duplicates_also_after_a_restart(stand: Stand) -> None:
    stand.bronze([Record(0, n, 0, event(event_id=name, region="MARS")) for n, name in enumerate("ac")], 0)
    stand.run("silver")
    let_in(stand, 3, 0, region="EU")
    let_in(stand, 4, 1, region="EU")
    # The copy comes in the batch that is about to be read when the override is: it is let in first.
    stand.bronze([Record(0, 2, 1, event(event_id="a")), Record(0, 3, 1, event(event_id="b"))], 1)
    stand.run("silver")
    entry = stand.newest_entry(NAME)
    # Spark took it for new, and knows it from then on.
    assert (entry.rows, entry.let_in_copies, dropped(stand)) == ({"accepted": 1, "duplicate": 1}, 1, 0)
    stand.overrides.clear()
    stand.overrides_applied = True
    stand.bronze([Record(0, n, 2, event(event_id=name)) for n, name in enumerate("acc", 4)], 2)
    stand.run("silver")
    entry = stand.newest_entry(NAME)
    assert (entry.rows, entry.let_in_copies, dropped(stand)) == ({"duplicate": 3}, 1, 2)
    assert rows_of(stand) == [
        (0, "invalid", None),
        (0, "accepted", 3),
        (1, "invalid", None),
        (1, "accepted", 4),
        (2, "duplicate", None),
        (3, "accepted", None),
        (4, "duplicate", None),
        (5, "duplicate", None),
        (6, "duplicate", None),
    ]


def test_a_replay_applies_them_while_it_classifies(stand: Stand) -> None:
    stand.limits = {"maxFilesPerTrigger": 1}
    let_in(stand, 3, 0, region="EU")
    let_in(stand, 4, 2)
    let_in(stand, 5, 3, region="EU")
    stand.bronze(
        [
            Record(0, 0, 0, event(event_id="a", region="MARS")),
            Record(0, 1, 0, event(event_id="a")),
            Record(0, 2, 0, event(event_id="b", event_time=LATE)),
            Record(0, 3, 0, event(event_id="c", region="MARS", amount=-1.0)),
        ],
        0,
    )
    stand.bronze([Record(0, 4, 1, event(event_id="b")), Record(0, 5, 1, event(event_id="c"))], 1)
    stand.run("silver")
    opened(stand).idle()
    # One row for each record, and an override that does not make it good blocks nobody.
    assert rows_of(stand) == [
        (0, "accepted", 3),
        (1, "duplicate", None),
        (2, "accepted", 4),
        (3, "invalid", None),
        (4, "duplicate", None),
        (5, "accepted", None),
    ]
    assert settled(stand) == {
        3: ("applied", [], None),
        4: ("applied", [], None),
        5: ("refused", ["BAD_AMOUNT"], None),
    }


def test_one_that_comes_for_a_record_still_ahead_has_the_query_planned_anew(stand: Stand) -> None:
    stand.bronze([Record(0, 0, 0, event(event_id="a"))], 0)
    job = stand.run("silver")
    stand.bronze([Record(0, 1, 0, event(event_id="b", event_time=LATE))], 1)
    job.source()
    let_in(stand, 3, 1)
    with pytest.raises(RestartQuery, match=r"\[3\]"):
        job.process(stand.read("bronze.sales_events"), 1)
    job.prepare()
    stand.run_prepared(job)
    assert rows_of(stand) == [(0, "accepted", None), (1, "accepted", 3)]
    assert micros(1) == stand.newest_entry(NAME).low_watermark
