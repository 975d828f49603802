"""Looks whether a query can start from its checkpoint, so that damage is named with its file and the ways out.

The control plane's `/checkpoint` judges the same way: test/checkpoints/damage.json has a case for each kind of damage,
with what Spark itself does, and holds all three to it.

Only what a start needs: the newest offsets, those before them, the newest commit and the query's id. Nothing is mended:
an empty file may come from a crash, or from a disk that is about to lose more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from penstock_jobs.files import exists, read_text, size
from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.offsets import Checkpoint, CheckpointDamaged

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESTORE = "restore the file from a backup of the checkpoint"


@dataclass(frozen=True)
class WhatIsIn:
    """What a table's ledger says, to compare the checkpoint with: the newest batch and its entry."""

    table: str
    batch: int
    entry: LedgerEntry | None

    def __str__(self) -> str:
        return f"{self.table} holds " + ("no batch" if self.batch < 0 else f"batches up to {self.batch}")


def refuse_damage(checkpoint: Checkpoint, known: WhatIsIn) -> None:
    """Raise CheckpointDamaged where Spark could not start from this checkpoint or would start from another's."""
    planned, committed = checkpoint.planned(), checkpoint.committed()
    if planned is None:
        return
    _check_query_id(checkpoint)
    if committed is not None and committed > planned:
        raise CheckpointDamaged(
            f"{checkpoint.path}/offsets/{committed} is missing, though batch {committed} is done; {known}."
            f" Way out: {_RESTORE}"
        )
    _check_offsets(checkpoint, planned, known)
    if planned > 0:
        _check_offsets(checkpoint, planned - 1, known)
    if committed is not None:
        _check_commit(checkpoint, committed, known)
    _check_source(checkpoint, known)


def _check_query_id(checkpoint: Checkpoint) -> None:
    path = f"{checkpoint.path}/metadata"
    if exists(path) and not _UUID.fullmatch(str(_object("\n".join(_lines(path))).get("id"))):
        raise CheckpointDamaged(
            f"{path} ({size(path)} bytes) does not hold the id of a query. Ways out: {_RESTORE}; or move it away: the"
            " query gets a new id then, and no data depends on it"
        )


def _check_offsets(checkpoint: Checkpoint, batch: int, known: WhatIsIn) -> None:
    path = f"{checkpoint.path}/offsets/{batch}"
    problem = _problem_of_offsets(path)
    if problem is None:
        return
    newest, done = batch == checkpoint.planned(), exists(f"{checkpoint.path}/commits/{batch}")
    text = f"{path} {problem}: the source range of batch {batch} is not known. {known}"
    if known.batch >= batch or done or not newest:
        held = known.entry if known.entry is not None and known.entry.batch == batch else None
        range_end = f", whose last line is {held.source_to} by the ledger" if held and held.source_to else ""
        raise CheckpointDamaged(
            f"{text}, so this batch must not be planned anew. Way out: {_RESTORE}{range_end}; do not remove it"
        )
    raise CheckpointDamaged(
        f"{text}, and Spark has not counted batch {batch} as done: nothing of it was written, so nothing is lost."
        f" Ways out: {_RESTORE}; or move this one file away: batch {batch} is then planned anew from the end of batch"
        f" {batch - 1}. Look at the disk first: a crash can leave such a file, a failing disk as well"
    )


def _problem_of_offsets(path: str) -> str | None:
    if not exists(path):
        return "is missing"
    lines = _lines(path)
    if not lines:
        return f"holds no text ({size(path)} bytes)"
    if lines[0] != "v1":
        return f"begins with {lines[0][:20]!r} instead of 'v1'"
    if len(lines) < 3:
        return f"ends after {len(lines)} of at least 3 lines"
    if not _are_whole(_object(lines[1]), "batchTimestampMs", "batchWatermarkMs"):
        return "has a time in line 2 that is no whole number"
    # A source of several that has nothing yet stands there as a dash.
    if all(line == "-" for line in lines[2:]):
        return "has a dash for every source, so that Spark would read them from their beginning once more"
    broken = next((number for number, line in enumerate(lines[1:], 2) if line != "-" and not _is_json(line)), None)
    return None if broken is None else f"is cut off or damaged in line {broken}"


def _check_commit(checkpoint: Checkpoint, batch: int, known: WhatIsIn) -> None:
    path = f"{checkpoint.path}/commits/{batch}"
    lines = _lines(path)
    # Spark starts from a lone version: the next batch's watermark begins at zero, and rises with it.
    if lines == ["v1"]:
        return
    if lines[:1] == ["v1"] and _is_json(lines[1]) and _are_whole(_object(lines[1]), "nextBatchWatermarkMs"):
        return
    again = ""
    if batch == checkpoint.planned() and known.batch >= batch:
        again = f"; or move it away: Spark then repeats batch {batch}, which is recognised and not written twice"
    raise CheckpointDamaged(
        f"{path} ({size(path)} bytes) does not hold what Spark writes when a batch is done. {known}."
        f" Ways out: {_RESTORE}{again}"
    )


def _check_source(checkpoint: Checkpoint, known: WhatIsIn) -> None:
    """The ledger has the source range of its newest batch: a checkpoint that says another is another query's."""
    entry = known.entry
    if entry is None or entry.batch is None or entry.source_to is None:
        return
    if not exists(f"{checkpoint.path}/offsets/{entry.batch}"):
        return
    there = checkpoint.end_of(entry.batch)
    if not _same(there, entry.source_to):
        raise CheckpointDamaged(
            f"{checkpoint.path}/offsets/{entry.batch} says that batch {entry.batch} ends at {there}, but {known.table}"
            f" was written by one that ends at {entry.source_to}: the checkpoint is that of another query or of another"
            " time. Way out: restore table and checkpoint from one backup"
        )


def _same(one: str, other: str) -> bool:
    return one == other or (_is_json(one) and _is_json(other) and json.loads(one) == json.loads(other))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _object(text: str) -> dict[str, Any]:
    """The object that a text is in JSON; an empty one where it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _are_whole(about: dict[str, Any], *names: str) -> bool:
    return all(type(about[name]) is int for name in names if name in about)


def _lines(path: str) -> list[str]:
    """The lines of a text file; none when it cannot be read as text."""
    try:
        return read_text(path).splitlines()
    except (UnicodeDecodeError, OSError):
        return []
