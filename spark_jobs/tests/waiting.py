"""Waiting on conditions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 180.0, why: Callable[[], object] = lambda: "") -> T:
    """The first true value of the condition; fails the test after so many seconds, saying `why()`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not so within {seconds} s: {why()}")
