"""The low watermark: the append time up to which every partition has been read. Times are microseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def low_watermark(
    previous: int,
    asked_at: int,
    clock_margin: int,
    ends: Mapping[str, int],
    through: Mapping[str, str],
    last_timestamps: Mapping[str, int],
) -> int:
    """The low watermark after reading up to `through`; never below `previous`.

    `ends` are the end offsets as asked for at `asked_at` or later, by partition; `last_timestamps` those of the last
    records read. What comes next in a partition is appended later: after `asked_at` where it was read to its end, else
    after its last record. A timestamp lies behind its append by `clock_margin` at most (docs/decisions/0019), so the
    margin comes off both. A partition of which nothing has been read can hold records of any age: then nothing rises.
    """
    marks = []
    for partition, end in ends.items():
        if int(through.get(partition, "0")) >= end:
            marks.append(asked_at - clock_margin)
        elif partition in last_timestamps:
            # A producer's clock can be ahead, and nobody has appended anything after the moment of asking.
            marks.append(min(last_timestamps[partition], asked_at) - clock_margin)
        else:
            return previous
    return max(previous, min(marks, default=previous))


def still_matters(low: int, last_timestamps: Mapping[str, int], parameters: Mapping[str, Any]) -> bool:
    """Whether a risen low watermark could still make a window final.

    The latest window that a record can open ends at most skew + window after its append time. One window and one tick
    more: then ticks stop, for an idle stack is idle. `parameters` as in docs/contracts.md, section 3.
    """
    if not last_timestamps:
        return False
    reach_ms = (
        parameters["allowedLatenessMs"]
        + parameters["allowedSkewMs"]
        + 2 * parameters["windowMs"]
        + parameters["idleTickMs"]
    )
    return low < max(last_timestamps.values()) + reach_ms * 1000
