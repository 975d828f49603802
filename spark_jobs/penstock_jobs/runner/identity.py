"""Who this runner is: its processes and its names in Spark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def start_ticks(pid: int) -> str | None:
    """When a process started, in clock ticks since boot: with the pid it names a process for good. None: not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command in parentheses may hold spaces and parentheses; field 22 counts from the pid.
    return stat.rpartition(")")[2].split()[19]


def processes(jvm_pid: int) -> list[dict[str, Any]]:
    """This Python and its JVM, as sync reports them."""
    found = [("python", os.getpid()), ("jvm", jvm_pid)]
    return [{"role": role, "pid": pid, "startTicks": start_ticks(pid) or ""} for role, pid in found]


def driver_id(application_name: str | None) -> str | None:
    """The master's id of this driver: the application's name (as the master sets it) or the folder it runs in."""
    for name in (application_name or "", Path.cwd().name):
        if name.startswith("driver-"):
            return name
    return None
