"""The certificate of a stop: what was committed, up to where, and that nothing is in flight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_jobs import files
from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import now_text


class Position:
    """How far a run has come, by the ledger entries that its job reported."""

    def __init__(self) -> None:
        self.through: Mapping[str, Mapping[str, str]] = {}
        self.tables: dict[str, int] = {}

    def note(self, entry: Mapping[str, Any]) -> None:
        """Take one entry with its `table` and `version`."""
        self.tables[entry["table"]] = entry["version"]
        if entry.get("through"):
            self.through = entry["through"]


def last_committed_batch(checkpoint: str) -> int | None:
    """The newest batch in the checkpoint's commit log; None before the first."""
    batches = [int(name) for name in files.list_names(f"{checkpoint}/commits") if name.isdigit()]
    return max(batches, default=None)


def certify(assignment: Assignment, position: Position, mode: str) -> dict[str, Any]:
    """The certificate of a run whose query has ended; `mode` is `drain` or `now`."""
    return {
        "job": assignment.job,
        "generation": assignment.generation,
        "epoch": assignment.epoch,
        "lastBatch": last_committed_batch(assignment.spec["checkpoint"]),
        "through": position.through,
        "tables": dict(position.tables),
        "inFlight": False,
        "mode": mode,
        "at": now_text(),
    }
