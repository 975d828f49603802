"""The gate that every micro-batch passes: once closed it lets none in, and the query can be stopped between two."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyspark.sql import DataFrame


class DrainRequested(Exception):
    """Raised into a batch that came after the gate was closed, or after a failure.

    Returning instead would commit the batch unprocessed.
    """


class BatchGate:
    """Runs `process` and `idle` of a job, one at a time, until it is closed or one of them has failed."""

    def __init__(self, process: Callable[[DataFrame, int], None], idle: Callable[[], None]) -> None:
        self._process = process
        self._idle = idle
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self.last_finished: int | None = None
        """The newest batch that `process` ended well."""
        self.failure: BaseException | None = None
        """What `process` or `idle` raised."""

    def enter(self, batch: DataFrame, batch_id: int) -> None:
        """The foreachBatch function. Raises DrainRequested when closed or failed, else what `process` raises."""
        self._free.wait()
        with self._lock:
            # What `idle` raised is told a moment later: until then a batch would run by a plan that is to be replaced.
            if self._closed.is_set() or self.failure is not None:
                raise DrainRequested
            try:
                self._process(batch, batch_id)
            except BaseException as failure:
                self.failure = failure
                raise
            self.last_finished = batch_id

    def tick(self) -> None:
        """Run `idle` unless a batch is in flight. Raises what `idle` raises."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._closed.is_set() and self.failure is None:
                self._idle()
        except BaseException as failure:
            self.failure = failure
            raise
        finally:
            self._lock.release()

    def hold(self) -> None:
        """Let further batches wait. One that is in flight goes on."""
        self._free.clear()

    def release(self) -> None:
        """Let batches in again."""
        self._free.set()

    def close(self) -> None:
        """Let no further batch in, nor one that waits. One that is in flight goes on."""
        self._closed.set()
        self._free.set()

    def quiet(self, seconds: float) -> bool:
        """Wait up to `seconds` until nothing is in flight; whether that is so."""
        if not self._lock.acquire(timeout=seconds):
            return False
        self._lock.release()
        return True
