from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from penstock_jobs.job import Assignment
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.hosted_job import HostedJob
from penstock_jobs.runner.supervisor import Supervisor
from tests.runner.sample_jobs import RateJob, spec_of
from tests.waiting import eventually


@pytest.fixture
def supervisor(spark: SparkSession) -> Iterator[Supervisor]:
    def make(assignment: Assignment) -> HostedJob:
        return HostedJob(spark, assignment, RateJob, EventBuffer(), "test")

    supervisor = Supervisor(make)
    yield supervisor
    assert supervisor.stop_all("now", 60)


def wanted(folder: Path, epoch: int, desired: str = "running", generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "job": "test.job",
        "generation": generation,
        "epoch": epoch,
        "desired": desired,
        "stop": {"mode": "drain", "timeoutMs": 60_000},
        "spec": spec_of(folder, **spec),
    }


def state(supervisor: Supervisor) -> tuple[int, str] | None:
    reports = supervisor.reports()
    return (reports[0]["epoch"], reports[0]["state"]) if reports else None


def test_a_job_is_started_stopped_and_started_anew_by_a_higher_epoch(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path, 1)])
    eventually(lambda: state(supervisor) == (1, "running"), why=supervisor.reports)
    supervisor.apply([wanted(tmp_path, 1, "stopped")])
    eventually(lambda: state(supervisor) == (1, "stopped"), why=supervisor.reports)
    supervisor.apply([wanted(tmp_path, 1)])
    assert state(supervisor) == (1, "stopped"), "the same epoch never runs twice"
    supervisor.apply([wanted(tmp_path, 2)])
    eventually(lambda: state(supervisor) == (2, "running"), why=supervisor.reports)


def test_a_running_job_knows_the_spec_as_it_was_sent_last(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path, 1)])
    eventually(lambda: state(supervisor) == (1, "running"), why=supervisor.reports)
    supervisor.apply([wanted(tmp_path, 1, overrides=[{"number": 7}])])
    ((job, spec),) = supervisor.running()
    assert spec["overrides"] == [{"number": 7}]
    context = job._context()
    assert (context.spec_now(), "overrides" in context.assignment.spec) == (spec, False)


def test_a_run_that_is_to_stop_before_it_began_ends_without_a_query(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path, 1, "stopped")])
    eventually(lambda: state(supervisor) == (1, "stopped"), why=supervisor.reports)
    (report,) = supervisor.reports()
    assert report["queryId"] is None
    assert (report["certificate"]["lastBatch"], report["certificate"]["inFlight"]) == (None, False)
    supervisor.apply([wanted(tmp_path, 2)])
    eventually(lambda: state(supervisor) == (2, "running"), why=supervisor.reports)


def test_a_higher_epoch_replaces_a_running_job_after_it_has_drained(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path, 1)])
    eventually((tmp_path / "checkpoint" / "commits" / "0").exists, why=supervisor.reports)
    (first,) = [job for job, _ in supervisor.running()]

    def step() -> bool:
        supervisor.apply([wanted(tmp_path, 2)])
        return state(supervisor) == (2, "running")

    eventually(step, why=supervisor.reports)
    assert first.status.state == "stopped"
    supervisor.apply([wanted(tmp_path, 1)])
    assert state(supervisor) == (2, "running"), "an assignment of the past is ignored"


def test_a_job_no_longer_assigned_is_drained_and_forgotten_once_its_end_was_told(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.apply([wanted(tmp_path, 1)])
    eventually(lambda: state(supervisor) == (1, "running"), why=supervisor.reports)
    supervisor.apply([])
    eventually(lambda: state(supervisor) == (1, "stopped"), why=supervisor.reports)
    supervisor.apply([])
    assert supervisor.reports()[0]["certificate"]["mode"] == "drain"
    supervisor.delivered(supervisor.reports())
    supervisor.apply([])
    assert supervisor.reports() == []


def test_two_generations_of_a_job_run_side_by_side(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path / "1", 1), wanted(tmp_path / "2", 1, generation=2)])
    eventually(lambda: [r["state"] for r in supervisor.reports()] == ["running"] * 2, why=supervisor.reports)


def test_housekeeping_sees_the_newest_readers_of_a_running_job(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.apply([wanted(tmp_path, 1)])
    eventually(lambda: state(supervisor) == (1, "running"), why=supervisor.reports)
    readers = {"out.rows": [{"job": "later", "checkpoint": "/c"}]}
    supervisor.apply([wanted(tmp_path, 1, readers=readers)])
    ((_, spec),) = supervisor.running()
    assert spec["readers"] == readers
