from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_jobs.runner.identity import start_ticks
from tests.waiting import eventually

CHILD = """
import os, sys
from pathlib import Path
from penstock_jobs.runner import parent_watch
if sys.argv[2] == "polling":
    parent_watch.sys = type("S", (), {"platform": "other"})
parent_watch.die_with_parent()
Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    pass
"""
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]).wait()"


@pytest.mark.parametrize(("way", "seconds"), [("prctl", 1), ("polling", 3)])
def test_a_runner_that_makes_no_call_into_its_jvm_ends_when_that_is_killed(
    tmp_path: Path, way: str, seconds: float
) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(note), way])
    try:
        eventually(lambda: note.exists() and note.read_text())
        child = int(note.read_text())
        ticks = start_ticks(child)
        assert ticks is not None
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    eventually(lambda: _gone(child, ticks), seconds)


def _gone(pid: int, ticks: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z" or start_ticks(pid) != ticks


def test_start_ticks_name_a_process_and_are_none_for_one_that_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = start_ticks(process.pid)
    assert first is not None
    assert first.isdigit()
    assert start_ticks(process.pid) == first
    process.communicate()
    assert start_ticks(process.pid) is None
