"""Ties this process to its parent. A driver's JVM that is killed would otherwise leave a Python that goes on."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.2


def die_with_parent() -> None:
    """Make sure that this process ends when its present parent does, however that one ends.

    To be called in the main thread before the Spark session is made.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    # Also covers the moment between the parent's death and the prctl above, and systems without prctl.
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(137)
