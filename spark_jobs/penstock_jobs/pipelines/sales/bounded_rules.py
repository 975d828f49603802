"""Rules that hold for a stretch of the topic only: of a replay that had an end (decision 0038)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column

from penstock_jobs.ledger import Offsets
from penstock_jobs.offsets import is_before


@dataclass(frozen=True)
class Stretch:
    """Records from one offset vector up to another one, and the parameters that are other ones for them."""

    start: Offsets
    """Empty: from the first record on."""
    end: Offsets
    parameters: Mapping[str, Any]

    def holds(self) -> Column:
        """Whether a row with topic, partition and offset is one of its records."""
        return is_before(self.end) & ~is_before(self.start) if self.start else is_before(self.end)

    def is_behind(self, through: Offsets) -> bool:
        """Whether a job that has read up to `through` has read all of its records."""
        return all(
            int(through.get(topic, {}).get(partition, "0")) >= int(offset)
            for topic, partitions in self.end.items()
            for partition, offset in partitions.items()
        )


def stretches(spec: Mapping[str, Any]) -> Sequence[Stretch]:
    """Those of an assignment; where they overlap the first that has a parameter decides about it."""
    topic = spec["kafka"]["topic"]
    return [
        Stretch({topic: said["from"]} if said["from"] else {}, {topic: said["to"]}, said["rules"])
        for said in spec["parameters"].get("bounded") or ()
    ]


def longest_lateness(spec: Mapping[str, Any], through: Offsets) -> int:
    """The most by which a record behind `through` can be late and still be accepted, in microseconds."""
    parameter = "allowedLatenessMs"
    ahead = [stretch.parameters for stretch in stretches(spec) if not stretch.is_behind(through)]
    return max([spec["parameters"][parameter], *(rules[parameter] for rules in ahead if parameter in rules)]) * 1000
