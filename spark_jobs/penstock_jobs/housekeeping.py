"""Keeps a table's log and files few, and takes nothing from a reader that still needs it (docs/decisions/0005)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from penstock_jobs import files

# Data files are written before the commit that names them, and clean-up rounds its cut-off to minutes.
_LOG_MARGIN_MS = 60_000
_FILE_MARGIN_MS = 3_600_000
# OPTIMIZE leaves files of this size alone, so that it rewrites what is new and not the table.
_COMPACTED_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """`housekeeping` of a spec: counts of commits, and durations in milliseconds."""

    checkpoint_interval: int
    log_retention_ms: int
    optimize_after: int
    file_retention_ms: int
    vacuum_every_ms: int

    @staticmethod
    def of(spec: Mapping[str, Any]) -> Limits:
        """The limits of an assignment's spec."""
        declared = spec["housekeeping"]
        return Limits(
            checkpoint_interval=declared["checkpointInterval"],
            log_retention_ms=declared["logRetentionMs"],
            optimize_after=declared["optimizeAfter"],
            file_retention_ms=declared["fileRetentionMs"],
            vacuum_every_ms=declared["vacuumEveryMs"],
        )


def housekeeping_session(spark: SparkSession) -> SparkSession:
    """A session of its own in the same application, with what only housekeeping may do."""
    session = spark.newSession()
    session.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    # Each of its commits would be an empty batch for every reader of the table.
    session.conf.set("spark.databricks.delta.vacuum.logging.enabled", "false")
    session.conf.set("spark.databricks.delta.optimize.minFileSize", str(_COMPACTED_BYTES))
    session.conf.set("spark.databricks.delta.optimize.maxFileSize", str(4 * _COMPACTED_BYTES))
    session.conf.set("spark.databricks.delta.optimize.maxThreads", "1")
    return session


class TableHousekeeper:
    """Housekeeping of one table by its writer; not thread-safe. Each step does nothing unless it is due."""

    def __init__(self, session: SparkSession, table: str, path: str, marker: str) -> None:
        """`session` from `housekeeping_session`; `marker` is the file whose age says when VACUUM last ran."""
        self._session = session
        self._table = table
        self._path = path
        self._marker = marker
        self._optimized: int | None = None
        self._harvested = -1

    def run(
        self, limits: Limits, readers: Sequence[str], harvested: int | None, may_go_on: Callable[[], bool]
    ) -> list[dict[str, Any]]:
        """All steps that are due; what was done, for `housekeeping` events.

        `readers` are checkpoints of queries that stream from this table; `harvested` is the version up to which the
        control plane keeps the ledger's entries, None where that is not known; `may_go_on` is asked before each step.
        """
        done: list[dict[str, Any]] = []
        self._harvested = -1 if harvested is None else harvested
        for step in (self._optimize, self._clean_log, self._vacuum):
            versions = self._versions()
            if not versions or not may_go_on():
                break
            started = time.monotonic()
            figures = step(versions, limits, readers)
            if figures is not None:
                took = int((time.monotonic() - started) * 1000)
                done.append({"table": self._table, "durationMs": took, **figures})
        return done

    def _optimize(self, versions: list[int], limits: Limits, _readers: Sequence[str]) -> dict[str, Any] | None:
        if self._optimized is None:
            self._optimized = self._newest_optimize(versions, limits.optimize_after)
        if versions[-1] - self._optimized < limits.optimize_after:
            return None
        row = self._session.sql(f"OPTIMIZE delta.`{self._path}`").collect()[0]
        self._optimized = versions[-1]
        return {
            "action": "optimize",
            "filesRemoved": row.metrics.numFilesRemoved,
            "filesAdded": row.metrics.numFilesAdded,
        }

    def _clean_log(self, versions: list[int], limits: Limits, readers: Sequence[str]) -> dict[str, Any] | None:
        if len(versions) <= 2 * limits.checkpoint_interval:
            return None
        # A reader that starts again has Spark plan its last committed batch once more, though not read its files.
        needed = self._needed(versions, readers, batches_back=1)
        # An entry that the control plane has not read yet exists nowhere else.
        kept_from = min(needed, self._newest_entry(versions), self._harvested + 1)
        cut_off = _now_ms() - limits.log_retention_ms
        if kept_from <= versions[-1]:
            cut_off = min(cut_off, self._committed_ms(versions, kept_from) - _LOG_MARGIN_MS)
        if self._committed_ms(versions, versions[0]) >= cut_off:
            return None
        self._clean_up_expired_logs(_now_ms() - cut_off)
        removed = len(versions) - len(self._versions())
        return {"action": "log", "commitsRemoved": removed} if removed else None

    def _clean_up_expired_logs(self, retention_ms: int) -> None:
        # Delta's own clean-up, but with a cut-off of minutes: the automatic one truncates it to whole days.
        jvm = self._session._jvm
        assert jvm is not None
        delta = jvm.org.apache.spark.sql.delta
        log = delta.DeltaLog.forTable(self._session._jsparkSession, self._path)
        log.cleanUpExpiredLogs(
            log.unsafeVolatileSnapshot(),
            jvm.scala.Option.empty(),
            jvm.scala.jdk.javaapi.OptionConverters.toScala(jvm.java.util.OptionalLong.of(retention_ms)),
            delta.TruncationGranularity.MINUTE(),
        )

    def _vacuum(self, versions: list[int], limits: Limits, readers: Sequence[str]) -> dict[str, Any] | None:
        if not files.exists(self._marker):
            files.touch(self._marker)
        if _now_ms() - files.modified_ms(self._marker) < limits.vacuum_every_ms:
            return None
        retention = limits.file_retention_ms
        needed = self._needed(versions, readers)
        if needed <= versions[-1]:
            retention = max(retention, _now_ms() - self._committed_ms(versions, needed) + _FILE_MARGIN_MS)
        self._session.sql(f"VACUUM delta.`{self._path}` RETAIN {retention / 3_600_000:.4f} HOURS").collect()
        files.touch(self._marker)
        return {"action": "vacuum", "retentionMs": retention, "heldByReader": retention > limits.file_retention_ms}

    def _needed(self, versions: list[int], readers: Sequence[str], batches_back: int = 0) -> int:
        """The lowest version that a reader starts from; beyond the newest when all have read everything."""
        if not readers:
            return versions[-1] + 1
        table_id = self._table_id()
        return min(next_version(checkpoint, table_id, batches_back) for checkpoint in readers)

    def _table_id(self) -> str:
        jvm = self._session._jvm
        assert jvm is not None
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self._session._jsparkSession, self._path)
        return str(log.unsafeVolatileSnapshot().metadata().id())

    def _versions(self) -> list[int]:
        names = files.list_names(f"{self._path}/_delta_log")
        return [int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit() and len(name) == 25]

    def _commit(self, version: int) -> str:
        return f"{self._path}/_delta_log/{version:020d}.json"

    def _committed_ms(self, versions: list[int], version: int) -> int:
        # A version that is gone cannot be protected any more; the oldest that is left can.
        return files.modified_ms(self._commit(max(version, versions[0])))

    def _commit_info(self, version: int) -> dict[str, Any]:
        for line in files.read_text(self._commit(version)).splitlines():
            if line.startswith('{"commitInfo"'):
                info: dict[str, Any] = json.loads(line)["commitInfo"]
                return info
        return {}

    def _newest_optimize(self, versions: list[int], at_most: int) -> int:
        recent = versions[-at_most:]
        found = (version for version in reversed(recent) if self._commit_info(version).get("operation") == "OPTIMIZE")
        return next(found, recent[0] - 1)

    def _newest_entry(self, versions: list[int]) -> int:
        """The newest version with a ledger entry: a job that starts again reads its position there."""
        found = (version for version in reversed(versions) if "userMetadata" in self._commit_info(version))
        return next(found, versions[-1])


def next_version(checkpoint: str, table_id: str, batches_back: int = 0) -> int:
    """The version of a table that the batch after a reader's last committed one starts from; 0 when that is not known.

    With `batches_back` the same for as many batches before.
    """
    committed = [int(name) for name in files.list_names(f"{checkpoint}/commits") if name.isdigit()]
    offsets_file = f"{checkpoint}/offsets/{max(committed, default=-1) - batches_back}"
    if not files.exists(offsets_file):
        return 0
    # Two lines of head, then one offset per source.
    lines = files.read_text(offsets_file).splitlines()[2:]
    offsets = [json.loads(line) for line in lines if line.startswith("{")]
    mine = [offset for offset in offsets if offset.get("reservoirId") == table_id]
    if not mine or any(offset.get("isStartingVersion") for offset in mine):
        return 0
    return min(int(offset["reservoirVersion"]) for offset in mine)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
