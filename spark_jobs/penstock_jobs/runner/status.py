"""What a hosted job says about itself, as sync sends it (docs/contracts.md, section 3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import now_text

ENDED = frozenset({"stopped", "failed"})


class JobStatus:
    """State of one run. Written by the job's threads, read by sync; `changed` is called after each change of state."""

    def __init__(self, assignment: Assignment, changed: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._changed = changed
        self._report: dict[str, Any] = {
            "job": assignment.job,
            "generation": assignment.generation,
            "epoch": assignment.epoch,
            "state": "starting",
            "waitingFor": None,
            "since": now_text(),
            "queryId": None,
            "queryRunId": None,
            "lastProgressAt": None,
            "exception": None,
            "certificate": None,
        }

    @property
    def state(self) -> str:
        """starting, waiting, running, draining, stopped or failed."""
        state: str = self._report["state"]
        return state

    @property
    def ended(self) -> bool:
        """Whether this run is over."""
        return self.state in ENDED

    def report(self) -> dict[str, Any]:
        """A copy, ready for JSON."""
        with self._lock:
            return dict(self._report)

    def move(self, state: str, **fields: Any) -> None:
        """Change to a state, with fields that change along with it. An ended run stays as it is."""
        with self._lock:
            if self._report["state"] in ENDED:
                return
            before = {name: self._report[name] for name in ("state", *fields)}
            if state != self._report["state"]:
                self._report["since"] = now_text()
            self._report.update(fields, state=state)
            same = before == {name: self._report[name] for name in before}
        if not same:
            self._changed()

    def wait_for(self, text: str) -> None:
        """The job waits; the text says for what."""
        self.move("waiting", waitingFor=text)

    def alive(self) -> None:
        """The query made progress or said that it is idle."""
        with self._lock:
            first = self._report["lastProgressAt"] is None
            self._report["lastProgressAt"] = now_text()
        if first:
            # Only now it runs in the eyes of the control plane: no heartbeat's wait for that.
            self._changed()

    def stopped(self, certificate: Mapping[str, Any]) -> None:
        """The run is over as it was asked to be."""
        self.move("stopped", waitingFor=None, certificate=certificate)

    def failed(self, exception: Mapping[str, Any]) -> None:
        """The run is over by a failure."""
        self.move("failed", waitingFor=None, exception=exception)
