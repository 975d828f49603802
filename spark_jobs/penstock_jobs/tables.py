"""Delta tables of a pipeline: made with their exact schemas, and appended to exactly once per batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from penstock_jobs.checkpoint_check import WhatIsIn, refuse_damage
from penstock_jobs.job import JobContext, JobRefused, WaitingFor
from penstock_jobs.ledger import LedgerEntry, LedgerGone, Offsets, TableLedger, from_micros
from penstock_jobs.offsets import Checkpoint
from penstock_jobs.transaction import TableTransactions

_ROWS_PER_FILE = 25_000
_WAYS_OUT = (
    "Ways out: restore table and checkpoint from one backup,"
    " replay the job (POST /v1/jobs/{job}/replay?autoPromote=true), which makes table and checkpoint anew,"
    " or begin anew in another state folder or with npm run reset"
)


class CommitLost(Exception):
    """A commit is not in the table's log afterwards: somebody else writes this table."""


@dataclass(frozen=True)
class TableSpec:
    """A table's name in the pipeline, its columns as SQL text, and its partition columns."""

    name: str
    columns: str
    partitioned_by: tuple[str, ...] = ()


def require_table(context: JobContext, name: str) -> str:
    """The path of a table that the job reads. Raises WaitingFor while it does not exist."""
    path = str(context.assignment.spec["tables"][name])
    if TableLedger(path).newest_version() is None:
        raise WaitingFor(f"waiting for the table {name}: the job that writes it has not created it yet ({path})")
    return path


class OutputTable:
    """A table that one job writes, one commit per batch, each with its ledger entry.

    The newest entry says which batch is in, so that a batch which Spark repeats is recognised without a snapshot.
    """

    def __init__(self, context: JobContext, spec: TableSpec) -> None:
        self._context = context
        self._spec = spec
        self.path = str(context.assignment.spec["tables"][spec.name])
        self.ledger = TableLedger(self.path)
        self.last: LedgerEntry | None = None
        self._version = -1
        self._transactions = TableTransactions(context.spark, self.path, context.fence.check)
        self._taken_over = False

    @property
    def last_batch(self) -> int:
        """The newest batch in the table; -1 when there is none."""
        return -1 if self.last is None or self.last.batch is None else self.last.batch

    @property
    def version(self) -> int:
        """The newest version of the table when it was last opened or appended to; -1 before."""
        return self._version

    def open(self, checkpoint: Checkpoint | None, every_batch: bool = True, begins: Offsets | None = None) -> None:
        """Create the table if it is missing, add the columns it lacks, and compare its ledger with the checkpoint.

        `every_batch`: each batch makes a commit here, even one without rows. No checkpoint: a table whose commits do
        not belong to batches. `begins`: what a new table says of where its rows begin. Raises JobRefused.
        """
        if self.ledger.newest_version() is None:
            self._create(self._context.spark, begins or {})
        self._take_over()
        newest = self.ledger.newest_version()
        assert newest is not None, f"{self.path} has been created"
        self._version = newest
        job = self._context.assignment.job
        try:
            found = self.ledger.newest_entry(newest, lambda entry: entry.job == job)
        except LedgerGone as gone:
            raise JobRefused(str(gone)) from gone
        self.last = found[1] if found else None
        if checkpoint is not None:
            self._compare(checkpoint, every_batch)
        if found:
            self._report("position", *found)

    def append(self, rows: DataFrame, entry: LedgerEntry, count: int) -> int:
        """Commit rows together with their ledger entry; the version of the commit. `count`: about how many rows."""
        return self.append_pieces(rows.sparkSession, [(rows, count)], entry)

    def append_pieces(self, spark: SparkSession, pieces: Iterable[tuple[DataFrame, int]], entry: LedgerEntry) -> int:
        """Commit rows that are written piece by piece, each with about its number, and their ledger entry at once."""
        self._context.fence.check()
        frames = (rows.coalesce(-(-count // _ROWS_PER_FILE) or 1) for rows, count in pieces)
        version = self._transactions.append(spark, frames, entry.to_json())
        if self.ledger.entry_of(version) != entry:
            raise CommitLost(
                f"batch {entry.batch} was committed to {self.path} as version {version}, but that version carries"
                " something else: a process that is not fenced writes this table"
            )
        self._version = version
        self.last = entry
        self._report("batch", version, entry)
        return version

    def append_nothing(self, entry: LedgerEntry) -> int:
        """Commit an entry that comes without rows; the version of the commit."""
        return self.append_rows([], entry)

    def append_rows(self, rows: Sequence[Mapping[str, Any]], entry: LedgerEntry) -> int:
        """Commit a few rows that this process holds (column → value); the version of the commit."""
        return self.append(_frame(self._context.spark, rows, self._spec.columns), entry, len(rows))

    def report_again(self, batch: int) -> None:
        """Say once more that a batch is in: a crash may have come before the first time was heard."""
        found = self.ledger.newest_entry(accept=lambda entry: entry.batch == batch and entry.kind == "batch")
        if found:
            self._report("batch", *found)

    def new_entry(self, kind: str, **fields: Any) -> LedgerEntry:
        """An entry of this run."""
        assignment = self._context.assignment
        return LedgerEntry(kind, assignment.job, assignment.generation, assignment.epoch, **fields)

    def _take_over(self) -> None:
        """Write this run's epoch into the table: what an older run still has in flight cannot be committed any more.

        Before the ledger is read, so that nothing can be added to what is read there. After it come the columns that
        an older release did not know: a run that has been replaced must not change the table.
        """
        if self._taken_over:
            return
        spark = self._context.spark
        self._transactions.set_property(spark, *self._epoch_property())
        added = self._transactions.add_columns(spark, self._spec.columns)
        if added:
            text = f"{self._spec.name} got the columns {', '.join(added)}; rows that were there are null in them"
            self._context.reporter.report("warning", {"text": text})
        self._taken_over = True

    def _epoch_property(self) -> tuple[str, str]:
        assignment = self._context.assignment
        return f"penstock.epoch.{assignment.job}", str(assignment.epoch)

    def _create(self, spark: SparkSession, begins: Offsets) -> None:
        self._context.fence.check()
        # A session of its own, because the entry of a CREATE can only be handed over as a setting.
        session = spark.newSession()
        entry = self.new_entry("create", through=begins)
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", entry.to_json())
        partitions = f"PARTITIONED BY ({', '.join(self._spec.partitioned_by)})" if self._spec.partitioned_by else ""
        properties = ", ".join(
            f"'{name}' = '{value}'"
            for name, value in [
                *table_properties(self._context.assignment.spec["housekeeping"]).items(),
                self._epoch_property(),
            ]
        )
        session.sql(
            f"CREATE TABLE IF NOT EXISTS delta.`{self.path.replace('`', '``')}` ({self._spec.columns}) USING delta"
            f" {partitions} TBLPROPERTIES ({properties})"
        )

    def _compare(self, checkpoint: Checkpoint, every_batch: bool) -> None:
        job, name = self._context.assignment.job, self._spec.name
        refuse_damage(checkpoint, WhatIsIn(name, self.last_batch, self.last))
        planned, committed, last = checkpoint.planned(), checkpoint.committed(), self.last_batch
        if last >= 0 and planned is None:
            raise JobRefused(
                f"{job}: {name} holds batches up to {last}, but the checkpoint {checkpoint.path} is empty. Batches"
                f" would be numbered from 0 again and taken for those that are in. {_WAYS_OUT}"
            )
        if planned is not None and last > planned:
            raise JobRefused(
                f"{job}: {name} holds batches up to {last}, the checkpoint {checkpoint.path} knows only those up to"
                f" {planned}: it is older than the table. {_WAYS_OUT}"
            )
        # A batch is planned when the one before it is done, even where the file that says so is gone.
        done = max(-1 if committed is None else committed, -1 if planned is None else planned - 1)
        if every_batch and done > last:
            raise JobRefused(
                f"{job}: the checkpoint {checkpoint.path} counts batch {done} as done, but {name} holds"
                f" {'none' if last < 0 else f'only those up to {last}'}: rows would be missing. {_WAYS_OUT}"
            )

    def _report(self, kind: str, version: int, entry: LedgerEntry) -> None:
        committed_at = from_micros(self.ledger.committed_at(version))
        data = {**entry.to_data(), "table": self._spec.name, "version": version, "committedAt": committed_at}
        self._context.reporter.report(kind, data)


def _frame(spark: SparkSession, rows: Sequence[Mapping[str, Any]], columns: str) -> DataFrame:
    # Not by `createDataFrame`, which starts Python workers in the executors for it.
    text = json.dumps(rows, default=_in_json)
    parsed = sf.from_json(sf.lit(text), f"array<struct<{columns}>>", {"mode": "FAILFAST"})
    return spark.range(1).select(sf.inline(parsed))


def _in_json(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"no column takes a {type(value).__name__}")
    # What PySpark collects is in the zone of this process, and does not say so.
    return value.astimezone(timezone.utc).isoformat()


def table_properties(housekeeping: Mapping[str, Any]) -> dict[str, str]:
    """Delta's table properties for the housekeeping of an assignment (docs/contracts.md, section 3)."""
    # Delta refuses a log that is kept for a shorter time than removed files are.
    log_ms = max(housekeeping["logRetentionMs"], housekeeping["fileRetentionMs"])
    return {
        "delta.checkpointInterval": str(housekeeping["checkpointInterval"]),
        "delta.logRetentionDuration": f"interval {log_ms} milliseconds",
        # Delta's own clean-up does not ask whether a reader still needs the commits.
        "delta.enableExpiredLogCleanup": "false",
        "delta.deletedFileRetentionDuration": f"interval {housekeeping['fileRetentionMs']} milliseconds",
        "delta.dataSkippingNumIndexedCols": "0",
        "delta.enableDeletionVectors": "false",
    }
