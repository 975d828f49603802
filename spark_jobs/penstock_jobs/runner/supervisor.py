"""Moves the jobs of this runner towards what the control plane assigned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock_jobs.job import Assignment
from penstock_jobs.runner.hosted_job import HostedJob

# For jobs that are not assigned any more, when nobody says how to stop them.
_DEFAULT_STOP: Mapping[str, Any] = {"mode": "drain", "timeoutMs": 30_000}

Key = tuple[str, int]


class Supervisor:
    """The jobs hosted here, by name and generation. Thread-safe."""

    def __init__(self, host: Callable[[Assignment], HostedJob]) -> None:
        """`host` makes a job that has not been started."""
        self._host = host
        self._lock = threading.Lock()
        self._jobs: dict[Key, HostedJob] = {}
        self._reported: set[Key] = set()
        self._closing = False

    def apply(self, assignments: Sequence[Mapping[str, Any]]) -> None:
        """One step towards the assignments; to be repeated with every answer of the control plane."""
        with self._lock:
            if self._closing:
                return
            wanted = {(item["job"], item["generation"]): item for item in assignments}
            for key, item in wanted.items():
                if key in self._jobs:
                    self._jobs[key].newest_spec = item["spec"]
                self._move(key, item)
            for key in [key for key in self._jobs if key not in wanted]:
                self._dismiss(key)

    def _move(self, key: Key, item: Mapping[str, Any]) -> None:
        job = self._jobs.get(key)
        running = item["desired"] == "running"
        if job is not None and item["epoch"] < job.assignment.epoch:
            return
        if job is None or item["epoch"] > job.assignment.epoch:
            if job is not None and not job.status.ended:
                self._ask_to_stop(job, item)
                return
            hosted = self._host(Assignment(item["job"], item["generation"], item["epoch"], item["spec"]))
            if not running:
                # Asked to stop before it came here: it ends without a query, for only we can say that it has ended.
                self._ask_to_stop(hosted, item)
            self._jobs[key] = hosted
            self._reported.discard(key)
            hosted.start()
        elif not running and not job.status.ended:
            self._ask_to_stop(job, item)

    def _dismiss(self, key: Key) -> None:
        job = self._jobs[key]
        if not job.status.ended:
            self._ask_to_stop(job, {})
        elif key in self._reported:
            del self._jobs[key]
            self._reported.discard(key)

    @staticmethod
    def _ask_to_stop(job: HostedJob, item: Mapping[str, Any]) -> None:
        stop: Mapping[str, Any] = item.get("stop") or _DEFAULT_STOP
        job.stop(stop["mode"], stop["timeoutMs"])

    def reports(self) -> list[dict[str, Any]]:
        """The jobs as sync sends them."""
        with self._lock:
            return [job.status.report() for job in self._jobs.values()]

    def delivered(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """The control plane has taken these reports."""
        with self._lock:
            for report in reports:
                if report["state"] in ("stopped", "failed"):
                    self._reported.add((report["job"], report["generation"]))

    def by_run(self, run_id: str) -> HostedJob | None:
        """The job whose query has this run id."""
        with self._lock:
            return next((job for job in self._jobs.values() if job.run_id == run_id), None)

    def running(self) -> list[tuple[HostedJob, Mapping[str, Any]]]:
        """Jobs whose query runs, each with its newest spec."""
        with self._lock:
            return [(job, job.newest_spec) for job in self._jobs.values() if job.status.state == "running"]

    def stop_all(self, mode: str, seconds: float) -> bool:
        """End all jobs and take no more; whether all have ended within that time."""
        with self._lock:
            self._closing = True
            jobs = list(self._jobs.values())
        deadline = time.monotonic() + seconds
        for job in jobs:
            job.stop(mode, int(seconds * 1000))
        return all(job.join(max(0.0, deadline - time.monotonic())) for job in jobs)
