"""Epochs of a job, claimed beside its checkpoint: a run that has been replaced must not write."""

from __future__ import annotations

from penstock_jobs import files
from penstock_jobs.job import RunRefused

# Wide enough for any epoch, so that names sort as numbers do.
_DIGITS = 12


class EpochFence:
    """One run's claim on the checkpoint of its job (implements `penstock_jobs.job.Fence`)."""

    def __init__(self, checkpoint: str, epoch: int) -> None:
        self._folder = f"{checkpoint}.epochs"
        self._epoch = epoch

    def claim(self, holder: str) -> None:
        """Take the epoch; `holder` is kept in the claim for people who look.

        Raises RunRefused when the epoch has been claimed before or a higher one exists.
        """
        path = f"{self._folder}/{self._epoch:0{_DIGITS}d}"
        if not files.create_exclusive(path, holder):
            raise RunRefused(
                f"epoch {self._epoch} has already been claimed by another run ({files.read_text(path)}); "
                "start the job again to get a new epoch"
            )
        self.check()

    def check(self) -> None:
        """Raise RunRefused when a higher epoch of this job has been claimed."""
        newest = self._newest()
        if newest > self._epoch:
            raise RunRefused(f"this run (epoch {self._epoch}) has been replaced: epoch {newest} has been claimed")

    def prune(self, keep: int) -> int:
        """Remove all but the newest `keep` claims; the number removed."""
        old = self._claims()[:-keep]
        for name in old:
            files.remove(f"{self._folder}/{name}")
        return len(old)

    def _newest(self) -> int:
        claims = self._claims()
        return int(claims[-1]) if claims else 0

    def _claims(self) -> list[str]:
        return [name for name in files.list_names(self._folder) if name.isdigit()]
