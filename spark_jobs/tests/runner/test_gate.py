"""The gate: what passes it, and what does not any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from penstock_jobs.job import RestartQuery
from penstock_jobs.runner.gate import BatchGate, DrainRequested

BATCH: Any = None


def test_no_batch_runs_after_idle_has_failed() -> None:
    seen: list[int] = []

    def idle() -> None:
        raise RestartQuery("the plan is old")

    gate = BatchGate(lambda _, batch: seen.append(batch), idle)
    gate.enter(BATCH, 1)
    with pytest.raises(RestartQuery):
        gate.tick()
    with pytest.raises(DrainRequested):
        gate.enter(BATCH, 2)
    assert (seen, gate.last_finished) == ([1], 1)
    # Why the query ends is what was raised first.
    assert isinstance(gate.failure, RestartQuery)


def test_a_closed_gate_lets_nothing_in() -> None:
    seen: list[int] = []
    gate = BatchGate(lambda _, batch: seen.append(batch), lambda: seen.append(-1))
    gate.close()
    gate.tick()
    with pytest.raises(DrainRequested):
        gate.enter(BATCH, 1)
    assert (seen, gate.failure) == ([], None)


def test_a_held_gate_lets_batches_wait_until_it_is_released_or_closed() -> None:
    seen: list[int] = []
    gate = BatchGate(lambda _, batch: seen.append(batch), lambda: None)
    with ThreadPoolExecutor(1) as thread:
        gate.hold()
        first = thread.submit(gate.enter, BATCH, 1)
        assert gate.quiet(1), "one that waits is not in flight"
        assert (seen, first.done()) == ([], False)
        gate.release()
        first.result(10)
        assert seen == [1]
        gate.hold()
        second = thread.submit(gate.enter, BATCH, 2)
        gate.close()
        with pytest.raises(DrainRequested):
            second.result(10)
    assert (seen, gate.failure) == ([1], None)
