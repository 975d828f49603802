"""The program of a submission.

`main.py --control-plane URL… --application NAME --launch UUID --token-file PATH --signpost PATH`

Runs until SIGTERM or until the control plane wants it to end: then all jobs are drained and the exit code is 0.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from penstock_jobs.job import Assignment, Job, JobContext, JobRefused
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob
from penstock_jobs.runner.identity import driver_id, processes
from penstock_jobs.runner.maintenance import Maintenance
from penstock_jobs.runner.parent_watch import die_with_parent
from penstock_jobs.runner.progress import ProgressListener
from penstock_jobs.runner.supervisor import Supervisor
from penstock_jobs.runner.sync import SyncClient
from penstock_jobs.session import runner_session

# SIGTERM to exit within 8 s: drain, then interrupt, then leave.
_DRAIN_SECONDS = 4.5
_INTERRUPT_SECONDS = 1.5
_FAREWELL_SECONDS = 1.0
_EXIT_SUPERSEDED = 3
_EXIT_NOT_DRAINED = 4
_EXIT_CONTEXT_LOST = 5


class Runner:
    """Everything that lives as long as the driver."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._state = "starting"
        self._terminated = False
        self._processes = processes(os.getppid())
        self._spark: SparkSession | None = None
        self._spark_app_id: str | None = None
        self._driver_id = driver_id(None)
        self._events = EventBuffer()
        self._supervisor = Supervisor(self._host)
        self._sync = SyncClient(
            options.control_plane, options.token_file, self._describe, self._events, options.signpost
        )

    def run(self) -> int:
        """Until the end; the exit code."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        threading.Thread(
            target=self._sync.run, args=(self._apply, self._supervisor.delivered), name="sync", daemon=True
        ).start()
        self._spark = runner_session()
        self._spark_app_id = self._spark.sparkContext.applicationId
        self._driver_id = driver_id(self._spark.sparkContext.appName)
        self._spark.streams.addListener(ProgressListener(self._supervisor.by_run))
        maintenance = Maintenance(self._spark, self._supervisor)
        maintenance.start()
        self._state = "running"
        while not (self._terminated or self._sync.shutdown or self._sync.superseded or self._state == "lost"):
            time.sleep(0.1)
        maintenance.stop()
        if self._state == "lost":
            _within(_FAREWELL_SECONDS, self._say_farewell)
            return _EXIT_CONTEXT_LOST
        return self._end()

    def _end(self) -> int:
        self._state = "stopping"
        if self._sync.superseded:
            self._supervisor.stop_all("now", _DRAIN_SECONDS)
            return _EXIT_SUPERSEDED
        drained = self._supervisor.stop_all("drain", _DRAIN_SECONDS)
        drained = drained or self._supervisor.stop_all("now", _INTERRUPT_SECONDS)
        _within(_FAREWELL_SECONDS, self._say_farewell)
        return 0 if drained else _EXIT_NOT_DRAINED

    def _say_farewell(self) -> None:
        while self._sync.exchange(lambda _: None, self._supervisor.delivered):
            pass

    def _on_sigterm(self, _signal: int, _frame: Any) -> None:
        # Only a flag: a lock taken here might be held by the very code that was interrupted.
        self._terminated = True

    def _describe(self) -> dict[str, Any]:
        jobs = self._supervisor.reports()
        # What fails when Spark has ended our application is no fault of the jobs, and nothing can run here any more.
        if self._state == "running" and any(job["state"] == "failed" for job in jobs) and self._context_is_lost():
            self._state = "lost"
        return {
            "application": self._options.application,
            "launchId": self._options.launch,
            "sparkAppId": self._spark_app_id,
            "driverId": self._driver_id,
            "host": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1"),
            "processes": self._processes,
            "state": self._state,
            "jobs": jobs,
        }

    def _context_is_lost(self) -> bool:
        assert self._spark is not None
        try:
            return bool(self._spark.sparkContext._jsc.sc().isStopped())
        except Exception:  # not even the JVM answers
            return True

    def _apply(self, assignments: Sequence[Any]) -> None:
        if self._state == "running":
            self._supervisor.apply(assignments)

    def _host(self, assignment: Assignment) -> HostedJob:
        assert self._spark is not None
        holder = f"launch {self._options.launch}, {self._driver_id or 'no driver id'}, pid {os.getpid()}"
        return HostedJob(self._spark, assignment, make_job, self._events, holder, self._sync.nudge)


def make_job(context: JobContext) -> Job:
    """The job that an assignment names. Raises JobRefused when this package does not have it."""
    spec = context.assignment.spec
    pipeline, kind = spec["pipeline"], spec["kind"]
    name = f"penstock_jobs.pipelines.{pipeline}"
    try:
        kinds = importlib.import_module(name).jobs
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        raise JobRefused(f"spec.pipeline: {pipeline!r} is not a pipeline of this installation") from missing
    if kind not in kinds:
        raise JobRefused(f"spec.kind: {kind!r} is not a job of pipeline {pipeline!r}; expected one of {sorted(kinds)}")
    job: Job = kinds[kind](context)
    return job


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="penstock-runner", description="Hosts streaming jobs in a Spark driver.")
    parser.add_argument(
        "--control-plane", required=True, action="append", metavar="URL", help="given once for each that there is"
    )
    parser.add_argument("--application", required=True, metavar="NAME")
    parser.add_argument("--launch", required=True, metavar="UUID")
    parser.add_argument("--token-file", required=True, metavar="PATH", type=Path)
    parser.add_argument("--signpost", metavar="PATH", type=Path, help="names a control plane that nobody had told of")
    return parser.parse_args(arguments)


def _within(seconds: float, work: Any) -> None:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)


def main() -> None:
    """Run, and leave without waiting for anybody's threads."""
    options = parse_options(sys.argv[1:])
    die_with_parent()
    code = 1
    try:
        code = Runner(options).run()
        active = SparkSession.getActiveSession()
        if active is not None:
            _within(_FAREWELL_SECONDS, active.stop)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
