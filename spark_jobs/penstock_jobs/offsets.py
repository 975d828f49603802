"""What a checkpoint knows: which batches are planned and committed, and which source range each covers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as sf

from penstock_jobs.files import list_names, read_text
from penstock_jobs.job import JobRefused


class CheckpointDamaged(JobRefused):
    """A file of the checkpoint is missing or cannot be read; the text names it."""


@dataclass(frozen=True)
class BatchRange:
    """The source range of one batch, as Spark's offset JSON; `start` is None for the first batch."""

    start: str | None
    end: str


class Checkpoint:
    """Reads the offset log and the commit log of one streaming query."""

    def __init__(self, path: str) -> None:
        self.path = path

    def planned(self) -> int | None:
        """The newest batch with a logged source range; None for a checkpoint without one."""
        return self._newest("offsets")

    def committed(self) -> int | None:
        """The newest batch that Spark counts as done; None when there is none."""
        return self._newest("commits")

    def batch_range(self, batch: int) -> BatchRange:
        """The source range of a planned batch. Raises CheckpointDamaged."""
        return BatchRange(None if batch == 0 else self.end_of(batch - 1), self.end_of(batch))

    def end_of(self, batch: int) -> str:
        """Where a planned batch ends in its source. Raises CheckpointDamaged."""
        file = f"{self.path}/offsets/{batch}"
        try:
            lines = read_text(file).splitlines()
        except FileNotFoundError:
            raise CheckpointDamaged(f"{file} is missing: the source range of batch {batch} is not known") from None
        # Line 1 is the format, line 2 Spark's metadata; a source that a plan reads twice stands there twice, equal.
        sources = set(lines[2:])
        if lines[:1] != ["v1"] or len(sources) != 1:
            raise CheckpointDamaged(f"{file} has {len(sources)} source ranges in {lines[:1]}; expected one in v1")
        return sources.pop()

    def _newest(self, log: str) -> int | None:
        return max((int(name) for name in list_names(f"{self.path}/{log}") if name.isdigit()), default=None)


@dataclass(frozen=True)
class DeltaPosition:
    """Where a Delta source goes on: at this version, some files of which may have been read already."""

    version: int
    is_within: bool


def delta_position(delta_offset: str) -> DeltaPosition:
    """The position that an offset of a Delta source says."""
    offset = json.loads(delta_offset)
    return DeltaPosition(int(offset["reservoirVersion"]), int(offset["index"]) >= 0)


def consumed_version(delta_offset: str) -> int:
    """The newest version of a Delta source that an offset covers completely; -1 when there is none.

    Delta writes a fully read version v as (v + 1, index -1); an index >= 0 is a version read in part.
    """
    offset = json.loads(delta_offset)
    return int(offset["reservoirVersion"]) - 1


def kafka_vector(kafka_offset: str) -> dict[str, dict[str, str]]:
    """The next offset to be read, per topic and partition, of a Kafka source's offset."""
    return {
        topic: {partition: str(offset) for partition, offset in sorted(partitions.items(), key=lambda p: int(p[0]))}
        for topic, partitions in json.loads(kafka_offset).items()
    }


def is_before(vector: Mapping[str, Mapping[str, str]]) -> Column:
    """Whether a row with topic, partition and offset lies before an offset vector; false for a row without them."""
    before = sf.lit(False)
    for topic, partitions in vector.items():
        for partition, offset in partitions.items():
            place = (sf.col("topic") == topic) & (sf.col("partition") == int(partition))
            before = before | (place & (sf.col("offset") < int(offset)))
    return sf.coalesce(before, sf.lit(False))
