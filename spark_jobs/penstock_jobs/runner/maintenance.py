"""The runner's thread for housekeeping: at low weight, and never on tables of a job that is being stopped."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from penstock_jobs.housekeeping import Limits, TableHousekeeper, housekeeping_session
from penstock_jobs.job import JobRefused
from penstock_jobs.runner.failure import describe
from penstock_jobs.runner.hosted_job import HostedJob
from penstock_jobs.runner.supervisor import Supervisor
from penstock_jobs.session import ensure_pool

_POOL = "housekeeping"
_CLAIMS_KEPT = 100


class Maintenance:
    """Goes round the tables of all running jobs."""

    def __init__(self, spark: SparkSession, supervisor: Supervisor, every_seconds: float = 10.0) -> None:
        self._spark = spark
        self._supervisor = supervisor
        self._every = every_seconds
        self._stopping = threading.Event()
        self._housekeepers: dict[str, TableHousekeeper] = {}
        self._complaints: dict[str, str] = {}

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def _run(self) -> None:
        ensure_pool(self._spark, _POOL, 1)
        self._spark.sparkContext.setLocalProperty("spark.scheduler.pool", _POOL)
        session = housekeeping_session(self._spark)
        while not self._stopping.wait(self._every):
            for job, spec in self._supervisor.running():
                self._keep(session, job, spec)

    def _keep(self, session: SparkSession, job: HostedJob, spec: Mapping[str, Any]) -> None:
        session.sparkContext.setJobGroup(job.upkeep_group, f"housekeeping of {job.assignment.job}", True)
        for table in spec["writes"]:
            with job.upkeep:
                if not self._may_go_on(job):
                    return
                try:
                    job.fence.prune(_CLAIMS_KEPT)
                    self._keep_table(session, job, spec, table)
                    self._complaints.pop(spec["tables"][table], None)
                except Exception as failure:  # the job goes on without housekeeping, and says so
                    self._complain(job, table, spec["tables"][table], describe(failure))

    def _keep_table(self, session: SparkSession, job: HostedJob, spec: Mapping[str, Any], table: str) -> None:
        path = spec["tables"][table]
        housekeeper = self._housekeepers.get(path)
        if housekeeper is None:
            marker = f"{spec['checkpoint']}.housekeeping/vacuumed-{table}"
            housekeeper = self._housekeepers[path] = TableHousekeeper(session, table, path, marker)
        readers = [reader["checkpoint"] for reader in spec["readers"].get(table, [])]
        harvested = spec["harvested"].get(table)
        for done in housekeeper.run(Limits.of(spec), readers, harvested, lambda: self._may_go_on(job)):
            job.report("housekeeping", done)

    def _complain(self, job: HostedJob, table: str, path: str, failure: dict[str, str]) -> None:
        # A step that was cancelled by the stop of its job is no news, nor is the same failure ten seconds later.
        if self._may_go_on(job) and self._complaints.get(path) != failure["message"]:
            self._complaints[path] = failure["message"]
            job.report("warning", {"text": f"housekeeping of {table} failed", **failure})

    def _may_go_on(self, job: HostedJob) -> bool:
        try:
            job.fence.check()
        except JobRefused:
            return False
        return not self._stopping.is_set() and job.status.state == "running"
