from __future__ import annotations

import json

from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import EventBuffer

JOB = Assignment("sales.gold", 1, 7, {})


def sent(buffer: EventBuffer, limit: int = 100) -> list[tuple[int, str]]:
    return [(event["sequence"], event["type"]) for event in map(json.loads, buffer.pending(limit))]


def test_events_stay_until_they_are_acknowledged_and_keep_their_order() -> None:
    buffer = EventBuffer()
    for kind in ("progress", "batch", "warning", "progress"):
        buffer.add(kind, JOB, {"x": 1})
    assert sent(buffer, 2) == [(1, "progress"), (2, "batch")]
    buffer.acknowledge(2)
    assert sent(buffer) == [(3, "warning"), (4, "progress")]
    buffer.acknowledge(4)
    assert len(buffer) == 0
    buffer.add("warning", JOB, {})
    assert sent(buffer) == [(5, "warning")]


def test_an_event_names_its_run() -> None:
    buffer = EventBuffer()
    buffer.add("batch", JOB, {"batch": 4})
    event = json.loads(buffer.pending(1)[0])
    assert event.pop("at").endswith("Z")
    assert event == {
        "sequence": 1,
        "type": "batch",
        "job": "sales.gold",
        "generation": 1,
        "epoch": 7,
        "data": {"batch": 4},
    }


def test_progress_is_dropped_long_before_ledger_entries() -> None:
    buffer = EventBuffer(passing_limit=2, lasting_limit=5)
    for _ in range(5):
        buffer.add("progress", JOB, {})
        buffer.add("batch", JOB, {})
    assert [kind for _, kind in sent(buffer)].count("progress") == 2
    assert [kind for _, kind in sent(buffer)].count("batch") == 5
    assert buffer.lost == 0
    buffer.add("batch", JOB, {})
    assert buffer.lost == 1
    assert [sequence for sequence, kind in sent(buffer) if kind == "batch"] == [4, 6, 8, 10, 11]
