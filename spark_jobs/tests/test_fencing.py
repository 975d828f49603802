from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock_jobs.fencing import EpochFence
from penstock_jobs.job import JobRefused
from tests.waiting import eventually

RACER = """
import sys, time
from pathlib import Path
from penstock_jobs.fencing import EpochFence
from penstock_jobs.job import JobRefused
checkpoint, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
gate = Path(checkpoint + ".go")
Path(checkpoint + ".ready-" + name).touch()
while not gate.exists():
    time.sleep(0.001)
for epoch in range(1, rounds + 1):
    try:
        EpochFence(checkpoint + "-" + str(epoch), epoch).claim(name)
        print(epoch, flush=True)
    except JobRefused:
        pass
"""


def test_of_processes_that_race_for_an_epoch_exactly_one_wins(tmp_path: Path) -> None:
    checkpoint, rounds = str(tmp_path / "job"), 300
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, checkpoint, str(number), str(rounds)], stdout=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    eventually(lambda: len(list(tmp_path.glob("job.ready-*"))) == len(racers))
    Path(f"{checkpoint}.go").touch()
    won = [int(line) for racer in racers for line in racer.communicate(timeout=60)[0].split()]
    assert all(racer.returncode == 0 for racer in racers)
    assert sorted(won) == list(range(1, rounds + 1))


def test_a_replaced_run_may_not_write(tmp_path: Path) -> None:
    old, new = EpochFence(str(tmp_path / "job"), 9), EpochFence(str(tmp_path / "job"), 10)
    old.claim("old")
    old.check()
    new.claim("new")
    new.check()
    with pytest.raises(JobRefused, match=r"this run \(epoch 9\) has been replaced: epoch 10 has been claimed"):
        old.check()


def test_a_late_comer_with_a_lower_epoch_is_refused(tmp_path: Path) -> None:
    EpochFence(str(tmp_path / "job"), 2).claim("new")
    with pytest.raises(JobRefused, match="epoch 2 has been claimed"):
        EpochFence(str(tmp_path / "job"), 1).claim("old")


def test_a_refused_claim_names_the_holder(tmp_path: Path) -> None:
    EpochFence(str(tmp_path / "job"), 3).claim("launch abc, pid 7")
    with pytest.raises(JobRefused, match=r"already been claimed by another run \(launch abc, pid 7\)"):
        EpochFence(str(tmp_path / "job"), 3).claim("launch def, pid 8")


def test_pruning_keeps_the_newest_claims(tmp_path: Path) -> None:
    for epoch in range(1, 121):
        EpochFence(str(tmp_path / "job"), epoch).claim("x")
    fence = EpochFence(str(tmp_path / "job"), 120)
    assert fence.prune(100) == 20
    assert fence.prune(100) == 0
    fence.check()
    with pytest.raises(JobRefused):
        EpochFence(str(tmp_path / "job"), 119).check()
