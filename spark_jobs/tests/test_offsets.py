"""What is read from a checkpoint's logs, in the form that Spark writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock_jobs.offsets import BatchRange, Checkpoint, CheckpointDamaged, consumed_version, kafka_vector

DELTA = '{"sourceVersion":1,"reservoirId":"c87","reservoirVersion":%d,"index":%d,"isStartingVersion":false}'


def offsets(folder: Path, batch: int, *sources: str, form: str = "v1") -> None:
    (folder / "offsets").mkdir(exist_ok=True)
    (folder / "offsets" / str(batch)).write_text("\n".join([form, '{"batchWatermarkMs":0}', *sources]))


def test_an_empty_checkpoint_knows_no_batch(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path / "none"))
    assert (checkpoint.planned(), checkpoint.committed()) == (None, None)


def test_batches_are_ordered_as_numbers_and_other_files_do_not_count(tmp_path: Path) -> None:
    for batch in (9, 10, 11):
        offsets(tmp_path, batch, "x")
    (tmp_path / "commits").mkdir()
    for name in ("9", "10", ".11.crc", "11.tmp"):
        (tmp_path / "commits" / name).write_text("")
    checkpoint = Checkpoint(str(tmp_path))
    assert (checkpoint.planned(), checkpoint.committed()) == (11, 10)


def test_the_range_of_a_batch_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    offsets(tmp_path, 0, '{"t":{"0":5}}')
    offsets(tmp_path, 1, '{"t":{"0":9}}')
    checkpoint = Checkpoint(str(tmp_path))
    assert checkpoint.batch_range(0) == BatchRange(None, '{"t":{"0":5}}')
    assert checkpoint.batch_range(1) == BatchRange('{"t":{"0":5}}', '{"t":{"0":9}}')


def test_a_source_that_the_plan_reads_twice_counts_once(tmp_path: Path) -> None:
    offsets(tmp_path, 0, DELTA % (3, -1), DELTA % (3, -1))
    assert Checkpoint(str(tmp_path)).batch_range(0).end == DELTA % (3, -1)


@pytest.mark.parametrize(("sources", "form"), [((DELTA % (3, -1), DELTA % (4, -1)), "v1"), ((), "v1"), (("x",), "v9")])
def test_a_range_that_cannot_be_understood_is_refused(tmp_path: Path, sources: tuple[str, ...], form: str) -> None:
    offsets(tmp_path, 0, *sources, form=form)
    with pytest.raises(CheckpointDamaged, match="offsets/0"):
        Checkpoint(str(tmp_path)).batch_range(0)


def test_a_missing_range_is_named(tmp_path: Path) -> None:
    offsets(tmp_path, 1, "x")
    with pytest.raises(CheckpointDamaged, match=r"offsets/0 is missing"):
        Checkpoint(str(tmp_path)).batch_range(1)


@pytest.mark.parametrize(("version", "index", "consumed"), [(4, -1, 3), (3, 0, 2), (3, 5, 2), (0, -1, -1)])
def test_a_version_counts_as_consumed_only_when_all_of_it_is_read(version: int, index: int, consumed: int) -> None:
    assert consumed_version(DELTA % (version, index)) == consumed


def test_a_kafka_offset_becomes_texts_by_partition() -> None:
    assert kafka_vector('{"t":{"10":7,"2":9007199254740993}}') == {"t": {"2": "9007199254740993", "10": "7"}}
