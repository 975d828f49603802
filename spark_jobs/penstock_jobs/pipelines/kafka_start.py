"""Where a job that has read nothing yet begins in its topic."""

from __future__ import annotations

import json
from collections.abc import Mapping

from penstock_jobs.job import JobRefused


def beginning(
    topic: str, wanted: Mapping[str, str], starts: Mapping[str, int], ends: Mapping[str, int]
) -> dict[str, str]:
    """The offset at which each partition begins: the wanted one, or the oldest where none is named.

    Raises JobRefused where the topic cannot give what is wanted.
    """
    problems = []
    for partition, offset in sorted(wanted.items(), key=lambda pair: int(pair[0])):
        if partition not in ends:
            known = ", ".join(sorted(ends, key=int))
            problems.append(f"it has no partition {partition}, only {known}")
        elif int(offset) < starts[partition]:
            lost = starts[partition] - int(offset)
            problems.append(
                f"partition {partition} begins at offset {starts[partition]}, and {lost} before it are gone"
            )
        elif int(offset) > ends[partition]:
            problems.append(f"partition {partition} ends at offset {ends[partition]}, before {offset}")
    if problems:
        raise JobRefused(
            f"the job is to begin at {json.dumps(dict(wanted))} in the topic {topic}: {'; '.join(problems)}. Nothing"
            " was read. Ways out: begin at offsets that the topic has; or replay silver instead: it reads bronze,"
            " which holds what Kafka has forgotten"
        )
    return {partition: wanted.get(partition, str(starts[partition])) for partition in sorted(ends, key=int)}


def starting_offsets(topic: str, begins: Mapping[str, str]) -> str:
    """The option `startingOffsets` of Spark's Kafka source."""
    if not begins:
        return "earliest"
    return json.dumps({topic: {partition: int(offset) for partition, offset in begins.items()}})
