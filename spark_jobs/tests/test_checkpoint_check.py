"""A damaged checkpoint: the file is named, and the ways out lose and double nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from penstock_jobs.checkpoint_check import WhatIsIn, refuse_damage
from penstock_jobs.ledger import LedgerEntry
from penstock_jobs.offsets import Checkpoint, CheckpointDamaged

TABLE = "silver.sales_events"
ENTRY = LedgerEntry("batch", "sales.silver", 1, 1, batch=2, source_to='{"reservoirId":"a","reservoirVersion":2}')


def offsets(batch: int) -> str:
    return f'v1\n{{"batchWatermarkMs":0}}\n{{"reservoirId":"a","reservoirVersion":{batch}}}'


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Batches 0 to 2 done, batch 3 planned."""
    (tmp_path / "metadata").write_text('{"id":"7d8408ea-6a0f-4c5d-9d7e-3f8f6f0f7a11"}')
    for log in ("offsets", "commits"):
        (tmp_path / log).mkdir()
    for batch in range(4):
        (tmp_path / "offsets" / str(batch)).write_text(offsets(batch))
    for batch in range(3):
        (tmp_path / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    return Checkpoint(str(tmp_path))


def known(batch: int = 2) -> WhatIsIn:
    return WhatIsIn(TABLE, batch, replace(ENTRY, batch=batch, source_to=offsets(batch).splitlines()[2]))


def write(file: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(content)


def remove(file: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).unlink()


def test_a_whole_checkpoint_and_an_empty_one_are_let_through(checkpoint: Checkpoint, tmp_path: Path) -> None:
    refuse_damage(checkpoint, known())
    refuse_damage(checkpoint, known(3))
    refuse_damage(Checkpoint(str(tmp_path / "none")), WhatIsIn(TABLE, -1, None))


@pytest.mark.parametrize(
    ("damage", "file", "what"),
    [
        (write("offsets/3", b""), "offsets/3", r"holds no text \(0 bytes\)"),
        (write("offsets/3", b"\x00" * 40), "offsets/3", "begins with"),
        (write("offsets/3", b"\xff\xfe"), "offsets/3", r"holds no text \(2 bytes\)"),
        (write("offsets/3", b"v1"), "offsets/3", "ends after 1 of at least 3 lines"),
        (write("offsets/3", offsets(3).encode()[:-5]), "offsets/3", "is cut off or damaged in line 3"),
        (write("offsets/3", b'v1\n{"batchTimestampMs":"soon"}\n{}'), "offsets/3", "no whole number"),
        (write("offsets/2", b""), "offsets/2", "must not be planned anew"),
        (remove("offsets/2"), "offsets/2", "is missing"),
        (write("commits/2", b""), "commits/2", r"\(0 bytes\) does not hold what Spark writes"),
        (write("commits/4", b"v1\n{}"), "offsets/4", "is missing, though batch 4 is done"),
        (write("metadata", b""), "metadata", r"\(0 bytes\) does not hold the id of a query"),
        (write("offsets/2", offsets(9).encode()), "offsets/2", "the checkpoint is that of another query"),
    ],
)
def test_what_is_damaged_is_named_with_a_way_out(
    checkpoint: Checkpoint, tmp_path: Path, damage: Callable[[Path], object], file: str, what: str
) -> None:
    damage(tmp_path)
    with pytest.raises(CheckpointDamaged, match=what) as refused:
        refuse_damage(checkpoint, known())
    assert str(tmp_path / file) in str(refused.value)
    assert "restore" in str(refused.value)
    assert refused.value.permanent


def test_a_torn_plan_of_a_batch_that_was_never_written_may_be_moved_away(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    write("offsets/3", b"")(tmp_path)
    with pytest.raises(CheckpointDamaged, match="nothing of it was written") as refused:
        refuse_damage(checkpoint, known())
    assert "silver.sales_events holds batches up to 2" in str(refused.value)
    assert "or move this one file away" in str(refused.value)


def test_a_torn_plan_of_a_batch_that_is_in_the_table_must_stay_and_the_ledger_knows_it(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    write("offsets/3", b"")(tmp_path)
    with pytest.raises(CheckpointDamaged, match="do not remove it") as refused:
        refuse_damage(checkpoint, known(3))
    assert 'whose last line is {"reservoirId":"a","reservoirVersion":3} by the ledger' in str(refused.value)
    assert "move it away" not in str(refused.value)


def test_a_torn_commit_of_a_batch_that_is_in_the_table_may_be_moved_away(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    write("commits/3", b"")(tmp_path)
    with pytest.raises(CheckpointDamaged, match="recognised and not written twice"):
        refuse_damage(checkpoint, known(3))
    with pytest.raises(CheckpointDamaged) as refused:
        refuse_damage(checkpoint, known(2))
    assert "move it away" not in str(refused.value)
