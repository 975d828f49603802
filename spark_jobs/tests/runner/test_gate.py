"""The gate: what passes it, and what does not any more."""

from __future__ import annotations

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
