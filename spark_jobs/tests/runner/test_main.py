"""The program as a submission starts it, as a process of its own; only the cluster is local."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_jobs.runner import main
from tests.runner.control_plane import ControlPlane
from tests.runner.sample_jobs import spec_of
from tests.waiting import eventually


@pytest.fixture
def control_plane() -> Iterator[ControlPlane]:
    plane = ControlPlane()
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def runner(control_plane: ControlPlane, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "token").write_text("s3cret")
    jars = ":".join(str(jar) for jar in Path(os.environ["PENSTOCK_SPARK_JARS_DIR"]).glob("*.jar"))
    options = f"--master local[1] --driver-class-path {jars} --driver-memory 512m --conf spark.ui.enabled=false"
    options += " --driver-java-options -XX:TieredStopAtLevel=1"
    process = subprocess.Popen(
        [
            *(sys.executable, main.__file__),
            *("--control-plane", control_plane.url),
            *("--application", "sales"),
            *("--launch", "launch-1"),
            *("--token-file", str(tmp_path / "token")),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(main.__file__).parents[2]),
            "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell",
        },
        cwd=tmp_path,
        text=True,
        stderr=subprocess.PIPE,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def assigned(folder: Path, job: str, **spec: Any) -> dict[str, Any]:
    return {
        "job": job,
        "generation": 1,
        "epoch": 1,
        "desired": "running",
        "stop": {"mode": "drain", "timeoutMs": 30_000},
        "spec": {**spec_of(folder / job), **spec},
    }


def test_it_adopts_its_launch_hosts_jobs_and_leaves_in_order_on_sigterm(
    control_plane: ControlPlane, runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    control_plane.assignments = [
        assigned(tmp_path, "a.unknown", pipeline="nowhere"),
        assigned(tmp_path, "b.kind", pipeline="sales", kind="platinum"),
    ]
    eventually(lambda: control_plane.requests, why=runner.poll)
    first = control_plane.requests[0]
    assert (first["application"], first["launchId"], first["state"]) == ("sales", "launch-1", "starting")
    assert first["processes"][0]["role"] == "python"
    assert first["processes"][0]["pid"] == runner.pid
    eventually(lambda: (control_plane.job("a.unknown") or {}).get("state") == "failed", why=runner.poll)
    eventually(lambda: (control_plane.job("b.kind") or {}).get("state") == "failed", why=runner.poll)
    unknown, kind = control_plane.job("a.unknown"), control_plane.job("b.kind")
    assert unknown is not None
    assert kind is not None
    assert unknown["exception"]["message"] == "spec.pipeline: 'nowhere' is not a pipeline of this installation"
    assert unknown["exception"]["trace"] == ""
    assert "spec.kind: 'platinum' is not a job of pipeline 'sales'; expected one of [" in kind["exception"]["message"]
    assert control_plane.requests[-1]["state"] == "running"
    assert control_plane.requests[-1]["sparkAppId"].startswith("local-")

    asked = time.monotonic()
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(30) == 0
    assert time.monotonic() - asked < 8
    assert control_plane.requests[-1]["state"] == "stopping"


def test_it_ends_at_once_and_not_well_when_another_launch_took_over(
    control_plane: ControlPlane, runner: subprocess.Popen[str]
) -> None:
    eventually(lambda: control_plane.requests and control_plane.requests[-1]["state"] == "running", why=runner.poll)
    control_plane.problem, control_plane.status = {"code": "launch_superseded"}, 409
    assert runner.wait(30) == 3


def test_it_says_that_its_application_is_lost_and_ends_when_spark_has_ended_it(
    control_plane: ControlPlane, runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    control_plane.assignments = [assigned(tmp_path, "a.unknown", pipeline="nowhere")]
    eventually(lambda: (control_plane.job("a.unknown") or {}).get("state") == "failed", why=runner.poll)
    assert control_plane.requests[-1]["state"] == "running"
    # The JVM of a driver whose application is taken away; its Python is left, and has jobs that failed.
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    eventually(lambda: control_plane.requests[-1]["state"] == "lost", why=runner.poll)
    assert runner.wait(30) == 5


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, main.__file__, "--control-plane", "http://x"],
        env={**os.environ, "PYTHONPATH": str(Path(main.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the following arguments are required: --application, --launch, --token-file" in done.stderr
    assert "Traceback" not in done.stderr
