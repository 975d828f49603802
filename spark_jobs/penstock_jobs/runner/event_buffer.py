"""Events that wait for the control plane to acknowledge them."""

from __future__ import annotations

import heapq
import json
import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from penstock_jobs.job import Assignment

# Progress is of the moment; ledger entries are the record of what was committed.
_PASSING = frozenset({"progress"})


class EventBuffer:
    """A bounded queue in order of sequence: passing events go first, ledger entries only beyond a large bound."""

    def __init__(self, passing_limit: int = 2_000, lasting_limit: int = 100_000) -> None:
        self._lock = threading.Lock()
        self._sequence = 0
        # Pairs of sequence and JSON text: text takes a fraction of the memory of the parsed form.
        self._passing: deque[tuple[int, str]] = deque()
        self._lasting: deque[tuple[int, str]] = deque()
        self._limits = (passing_limit, lasting_limit)
        self._lost = 0

    def add(self, kind: str, assignment: Assignment, data: Mapping[str, Any]) -> None:
        """Queue one event of a job's run."""
        with self._lock:
            self._sequence += 1
            text = json.dumps(
                {
                    "sequence": self._sequence,
                    "type": kind,
                    "job": assignment.job,
                    "generation": assignment.generation,
                    "epoch": assignment.epoch,
                    "at": now_text(),
                    "data": data,
                }
            )
            queue, limit = (self._passing, self._limits[0]) if kind in _PASSING else (self._lasting, self._limits[1])
            queue.append((self._sequence, text))
            if len(queue) > limit:
                queue.popleft()
                if queue is self._lasting:
                    self._lost += 1

    def pending(self, limit: int) -> list[str]:
        """The oldest events not yet acknowledged, at most `limit`, as JSON texts in order of sequence."""
        with self._lock:
            return [text for _, text in islice(heapq.merge(self._passing, self._lasting), limit)]

    def acknowledge(self, sequence: int) -> None:
        """Forget the events up to this sequence."""
        with self._lock:
            for queue in (self._passing, self._lasting):
                while queue and queue[0][0] <= sequence:
                    queue.popleft()

    def __len__(self) -> int:
        with self._lock:
            return len(self._passing) + len(self._lasting)

    @property
    def lost(self) -> int:
        """How many lasting events had to be dropped because the control plane was away for too long."""
        return self._lost


def now_text() -> str:
    """The present moment as ISO 8601 in UTC with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
