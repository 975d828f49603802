"""A Delta log written by hand over files of rows: the same table as another one to a streaming reader, by its id."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from penstock_jobs import files
from penstock_jobs.ledger import LedgerEntry


@dataclass(frozen=True)
class Pinned:
    """A table at one version, with what its log says of it."""

    path: str
    version: int
    metadata: Mapping[str, Any]
    protocol: Mapping[str, Any]
    size: int
    """Bytes of its files."""

    @property
    def table_id(self) -> str:
        """The id by which a streaming reader knows the table."""
        return str(self.metadata["id"])


@dataclass(frozen=True)
class Commit:
    """One version to be written: files by their paths within the table, with their sizes, and the ledger entry."""

    files: Sequence[tuple[str, int]]
    entry: LedgerEntry


def pin(spark: SparkSession, path: str) -> Pinned:
    """The newest version of a table."""
    snapshot = _snapshot(_delta_log(spark, path), spark)
    return Pinned(
        path,
        int(snapshot.version()),
        json.loads(snapshot.metadata().json())["metaData"],
        json.loads(snapshot.protocol().json())["protocol"],
        int(snapshot.sizeInBytes()),
    )


def write_log(spark: SparkSession, folder: str, pinned: Pinned, base: LedgerEntry, commits: Sequence[Commit]) -> None:
    """Write the log of a table in `folder` whose last version is that of the pinned one.

    It begins with a Delta checkpoint of no rows, for a log need not begin at version 0 only where one stands before it.
    Rows are not partitioned, whatever the pinned table is.
    """
    before = pinned.version - len(commits)
    metadata = {**pinned.metadata, "partitionColumns": []}
    head = [_info(base), {"protocol": pinned.protocol}, {"metaData": metadata}]
    _write_checkpoint(spark, folder, before, head)
    for version, commit in enumerate(commits, before + 1):
        _write(folder, version, [_info(commit.entry), *(_add(path, size) for path, size in commit.files)])


def write_empty(folder: str, versions: Sequence[int]) -> None:
    """Write versions without files, for a reader that goes on from there."""
    for version in versions:
        _write(folder, version, [_info(None)])


def forget(spark: SparkSession, path: str) -> None:
    """Have Delta forget what it knows of the table in a folder that is removed or was just made."""
    jvm: Any = spark._jvm
    jvm.org.apache.spark.sql.delta.DeltaLog.invalidateCache(spark._jsparkSession, jvm.org.apache.hadoop.fs.Path(path))


def _write_checkpoint(spark: SparkSession, folder: str, version: int, actions: Sequence[Mapping[str, Any]]) -> None:
    # Delta writes the file itself, as version 0 of a table next door: a checkpoint does not hold its number.
    draft = f"{folder}/checkpoint"
    _write(draft, 0, actions)
    log = _delta_log(spark, draft)
    log.checkpoint(_snapshot(log, spark), _none(spark))
    for kind in ("json", "checkpoint.parquet"):
        files.move(f"{draft}/_delta_log/{0:020d}.{kind}", f"{folder}/_delta_log/{version:020d}.{kind}")
    forget(spark, draft)
    files.remove_folder(draft)


def _write(folder: str, version: int, actions: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(f"{json.dumps(action, separators=(',', ':'))}\n" for action in actions)
    files.write_text(f"{folder}/_delta_log/{version:020d}.json", text)


def _info(entry: LedgerEntry | None) -> dict[str, Any]:
    info = {"timestamp": time.time_ns() // 1_000_000, "operation": "WRITE", "operationParameters": {}}
    return {"commitInfo": info if entry is None else {**info, "userMetadata": entry.to_json()}}


def _add(path: str, size: int) -> dict[str, Any]:
    about = {"size": size, "modificationTime": time.time_ns() // 1_000_000, "dataChange": True}
    return {"add": {"path": path, "partitionValues": {}, **about}}


def _delta_log(spark: SparkSession, path: str) -> Any:
    jvm: Any = spark._jvm
    # Delta asks the thread for its session when it first reads a checkpoint; a thread of Python's has none.
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(spark._jsparkSession)
    return jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)


def _snapshot(log: Any, spark: SparkSession) -> Any:
    return log.update(False, _none(spark), _none(spark))


def _none(spark: SparkSession) -> Any:
    jvm: Any = spark._jvm
    return jvm.scala.Option.empty()
