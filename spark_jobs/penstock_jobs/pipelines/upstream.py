"""The Delta table that a job streams from, and what its ledger says about a batch."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame

from penstock_jobs.job import JobContext, JobRefused
from penstock_jobs.ledger import LedgerEntry, LedgerGone, TableLedger
from penstock_jobs.offsets import BatchRange, Checkpoint, consumed_version
from penstock_jobs.tables import require_table

_MAX_FILES = 64


class Upstream:
    """One table of the pipeline as the source of a streaming query."""

    def __init__(self, context: JobContext, table: str, checkpoint: Checkpoint) -> None:
        self._context = context
        self._table = table
        self._checkpoint = checkpoint
        self._ledger = TableLedger(context.assignment.spec["tables"][table])

    def require(self) -> None:
        """Raise WaitingFor while the table does not exist."""
        require_table(self._context, self._table)

    def stream(self) -> DataFrame:
        """All commits of the table from the first on; never its snapshot, which compaction reorders."""
        limits = {"maxFilesPerTrigger": _MAX_FILES, **self._context.assignment.spec["limits"]}
        return (
            self._context.spark.readStream.format("delta")
            .option("startingVersion", "0")
            .options(**{name: str(limit) for name, limit in limits.items()})
            .load(self._ledger.table_path)
        )

    def entry_before(self, covered: BatchRange) -> LedgerEntry:
        """How far the table had come in the newest version that a batch covers completely.

        A table has no position before its first batch: then the entry says so. Raises JobRefused.
        """
        try:
            found = self._ledger.newest_entry(consumed_version(covered.end))
        except LedgerGone as gone:
            raise JobRefused(str(gone)) from gone
        entry = found[1] if found else LedgerEntry("create", "", 0, 0)
        return replace(entry, low_watermark=entry.low_watermark or 0)
