"""The Delta table that a job streams from, and what its ledger says about a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from penstock_jobs.job import JobContext, JobRefused, RestartQuery
from penstock_jobs.ledger import LedgerEntry, LedgerGone, TableLedger
from penstock_jobs.offsets import BatchRange, Checkpoint, DeltaPosition, consumed_version, delta_position
from penstock_jobs.reading_copy import Gap, ReadingCopy
from penstock_jobs.tables import require_table

_MAX_FILES = 64


class Upstream:
    """One table of the pipeline as the source of a streaming query.

    Where its log has forgotten commits that the query has not read, a copy of their rows is read first.
    """

    def __init__(self, context: JobContext, table: str, checkpoint: Checkpoint) -> None:
        self._context = context
        self._table = table
        self._checkpoint = checkpoint
        self._ledger = TableLedger(context.assignment.spec["tables"][table])
        self._copy = ReadingCopy(context.spark, checkpoint.path, table)
        self._reads_copy = False

    def require(self) -> None:
        """Raise WaitingFor while the table does not exist."""
        require_table(self._context, self._table)

    @property
    def reads_copy(self) -> bool:
        """Whether the query reads a copy and not the table itself."""
        return self._reads_copy

    def open(self, known: LedgerEntry | None, first: Callable[[], DataFrame] | None = None) -> None:
        """Find what is to be read: the table, or a copy of what its log has forgotten, which is made where needed.

        `known` is the newest entry of the job's own table. `first`: the job begins behind `known`, with these rows,
        which no commit of the table has: that takes a copy as well. Raises WaitingFor, and JobRefused where it cannot
        be told what is missing.
        """
        position = self._position()
        self._reads_copy = self._copy.serves(position.version)
        if self._reads_copy:
            return
        begins = first is not None and self._checkpoint.committed() is None
        if not begins and not self._has_forgotten(position.version):
            self._copy.remove()
            return
        gap = self._gap(position, known)
        if begins and first is not None:
            gap = replace(gap, known=known, first=first())
        self._copy.make(self._ledger.table_path, gap, self._entry_at, self._say)
        self._reads_copy = True

    def stream(self) -> DataFrame:
        """All commits that are to be read; never the table's snapshot, which compaction reorders."""
        limits = {"maxFilesPerTrigger": _MAX_FILES, **self._context.assignment.spec["limits"]}
        start, path, strict = self._start()
        return (
            self._context.spark.readStream.format("delta")
            .option("startingVersion", str(start))
            .option("failOnDataLoss", str(strict).lower())
            .options(**{name: str(limit) for name, limit in limits.items()})
            .load(path)
        )

    def idle(self) -> None:
        """Raise RestartQuery when the copy has been read: the query goes on with the table itself."""
        if self._reads_copy and self._position().version > self._copy.version:
            raise RestartQuery(f"the copy of {self._table} has been read, and it goes on with the table itself")

    def entry_before(self, covered: BatchRange) -> LedgerEntry:
        """How far the table had come in the newest version that a batch covers completely.

        A table has no position before its first batch: then the entry says so. Raises JobRefused.
        """
        consumed = consumed_version(covered.end)
        if self._reads_copy:
            # Before the copy's first rows comes what was known when it was made.
            entry = TableLedger(self._copy.path).entry_of(max(consumed, self._copy.first - 1))
            assert entry is not None, f"every version of {self._copy.path} has an entry"
        else:
            entry = self._entry_at(consumed)
        return replace(entry, low_watermark=entry.low_watermark or 0)

    def _start(self) -> tuple[int, str, bool]:
        """Where a query without an offset begins, in which table, and whether missing commits end it."""
        if self._reads_copy:
            # Versions before the copy's own do not exist, and hold nothing that is to be read.
            return self._copy.start, self._copy.path, False
        oldest = self._ledger.oldest_version() or 0
        # Spark lists its last committed batch once more, and its versions may have been those of the copy: all that is
        # still to be read is there, or there would be a copy.
        return oldest, self._ledger.table_path, oldest <= self._last_batch_began()

    def _position(self) -> DeltaPosition:
        """Where the query goes on after its last committed batch."""
        committed = self._checkpoint.committed()
        return DeltaPosition(0, False) if committed is None else delta_position(self._checkpoint.end_of(committed))

    def _last_batch_began(self) -> int:
        """The version from which Spark lists at a start; 0 for a query that begins with the table."""
        committed = self._checkpoint.committed()
        return 0 if not committed else delta_position(self._checkpoint.end_of(committed - 1)).version

    def _has_forgotten(self, version: int) -> bool:
        return (self._ledger.oldest_version() or 0) > version

    def _gap(self, position: DeltaPosition, known: LedgerEntry | None) -> Gap:
        """What the query lacks. Raises JobRefused where that cannot be told from what has been written."""
        planned, committed = self._checkpoint.planned(), self._checkpoint.committed()
        if position.is_within:
            raise self._refusal(f"version {position.version} was read in part")
        listed = range(0)
        if planned is not None:
            # A batch that was planned and not written may get other rows than it was planned for.
            upto = delta_position(self._checkpoint.end_of(planned)).version
            listed = range(self._last_batch_began(), max(position.version, upto) + 1)
        if planned != committed and known is not None and known.batch == planned:
            raise self._refusal(f"batch {planned} was written and has to be seen once more")
        if committed is None or known is None:
            # Every batch with rows leaves an entry: none has been read.
            return Gap(position.version, None, listed)
        return Gap(position.version, known, listed, self._unread_overrides(position, known))

    def _unread_overrides(self, position: DeltaPosition, known: LedgerEntry) -> frozenset[int]:
        """Of the records that were let in at the low watermark at which the job stands those that it has not read."""
        rows = self._context.spark.read.format("delta").load(self._ledger.table_path)
        if "override" not in rows.columns:
            return frozenset()
        same_mark = sf.unix_micros("low_watermark") == (known.low_watermark or 0)
        found = rows.where(sf.col("override").isNotNull() & same_mark).select("override").distinct().collect()
        numbers = {row.override for row in found}
        versions = self._ledger.versions_of_overrides() if numbers else {}
        unknown = sorted(numbers - versions.keys())
        if unknown:
            raise self._refusal(f"the commits of the overrides {unknown} are among them")
        return frozenset(number for number in numbers if versions[number] >= position.version)

    def _refusal(self, what: str) -> JobRefused:
        return JobRefused(
            f"the log of {self._table} has forgotten commits that {self._context.assignment.job} has not read, and"
            f" {what}: what it lacks cannot be told. Way out: a replay of this job, which reads the table from its"
            " beginning"
        )

    def _entry_at(self, version: int) -> LedgerEntry:
        try:
            found = self._ledger.newest_entry(version)
        except LedgerGone as gone:
            raise JobRefused(str(gone)) from gone
        return found[1] if found else LedgerEntry("create", "", 0, 0)

    def _say(self, text: str) -> None:
        self._context.fence.check()
        self._context.waiting(text)
