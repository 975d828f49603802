"""A reading copy: what a reader has still to read of a table whose log has forgotten it (docs/decisions/0030).

The rows come from the table as it was at one version, in the order in which they had been committed, as a Delta table
with the same id that ends at that very version: the reader's checkpoint goes on in the table itself afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from penstock_jobs import files
from penstock_jobs.authored_log import Commit, Pinned, forget, pin, write_empty, write_log
from penstock_jobs.job import WaitingFor
from penstock_jobs.ledger import LedgerEntry, Offsets
from penstock_jobs.offsets import is_before

_ROWS_PER_FILE = 25_000
_ROWS_PER_CHUNK = 250_000
_ORDER = ("low_watermark", "topic", "partition", "offset")
_ROOM_LEFT_BYTES = 256 * 1024 * 1024
_PART = re.compile(r"^part-(\d+)-.*?-c(\d+)\.")


@dataclass(frozen=True)
class Gap:
    """What a reader lacks: it goes on at version `position`, and what was made of the versions before is `known`."""

    position: int
    known: LedgerEntry | None
    listed: range = range(0)
    """Versions that Spark lists at a start by the checkpoint: of its last batch, and of one that it has planned."""
    unread_overrides: frozenset[int] = frozenset()
    """Overrides among the records before `known` whose rows it has not read."""
    first: DataFrame | None = None
    """Rows that no commit has, to be read before all others: none has a low watermark above that of `known`."""


class ReadingCopy:
    """The copy beside a checkpoint, one for each table that is read."""

    def __init__(self, spark: SparkSession, checkpoint: str, table: str) -> None:
        self._spark = spark
        self._folder = f"{checkpoint}.source"
        self._table = table
        self._about = self._find()

    @property
    def path(self) -> str:
        """Where the copy lies."""
        return f"{self._folder}/{self._table}@{self.version}"

    @property
    def first(self) -> int:
        """Its first version with rows."""
        return int(self._about["first"])

    @property
    def start(self) -> int:
        """The version at which a reader without a position begins."""
        return int(self._about["start"])

    @property
    def version(self) -> int:
        """Its last version: the one that the table had."""
        return int(self._about["version"])

    def serves(self, position: int) -> bool:
        """Whether there is a copy that a reader at this position reads on from."""
        about = self._about
        return bool(about) and (about["from"] <= position <= about["upto"] or self.first <= position <= self.version)

    def remove(self) -> None:
        """Remove the copy and what an interrupted copying left."""
        names = files.list_names(self._folder)
        for name in [name for name in names if name.startswith(f"{self._table}@")]:
            forget(self._spark, f"{self._folder}/{name}")
            files.remove_folder(f"{self._folder}/{name}")
        self._about = {}

    def make(self, path: str, gap: Gap, newest: Callable[[int], LedgerEntry], say: Callable[[str], None]) -> None:
        """Copy what the reader lacks.

        `newest` gives the table's ledger entry at a version; `say` takes how far the copying is, and may raise.
        Raises WaitingFor while the disk lacks the room.
        """
        self.remove()
        pinned = pin(self._spark, path)
        entry = newest(pinned.version)
        draft = f"{self._folder}/{self._table}@part"
        rows = self._spark.read.format("delta").option("versionAsOf", str(pinned.version)).load(path)
        lacking = _lacking(rows, gap)
        count, total = rows.agg(sf.count_if(lacking), sf.count("*")).collect()[0]
        wanted = rows.where(lacking)
        if gap.first is not None:
            wanted = gap.first.select(rows.columns).unionByName(wanted)
            count += gap.first.count()
        self._refuse_full_disk(pinned, count / (total or 1))
        parts = self._copy_rows(wanted, count, draft, pinned, say)
        commits = _commits(parts, gap, entry, pinned.version)
        base = gap.known or LedgerEntry("create", entry.job, entry.generation, entry.epoch)
        write_log(self._spark, draft, pinned, base, commits)
        first = pinned.version - len(commits) + 1
        write_empty(draft, [version for version in gap.listed if version < first - 1])
        self._about = {
            "from": gap.position,
            "upto": max([gap.position, *gap.listed[-1:]]),
            "start": min([first, *gap.listed[:1]]),
            "first": first,
            "version": pinned.version,
        }
        files.write_text(f"{draft}/copy.json", json.dumps(self._about))
        files.move(draft, self.path)
        forget(self._spark, self.path)

    def _copy_rows(
        self, rows: DataFrame, count: int, draft: str, pinned: Pinned, say: Callable[[str], None]
    ) -> list[_Part]:
        """Write the rows in order, in files of bounded size; the files."""
        parts: list[_Part] = []
        for number, (chunk, share) in enumerate(chunks(rows, count)):
            say(f"copying {self._table} as it was at version {pinned.version}: {share * 100:.0f} %")
            folder = f"rows/{number:05d}"
            (
                chunk.repartition(1)
                .sortWithinPartitions(*_ORDER)
                .write.option("maxRecordsPerFile", _ROWS_PER_FILE)
                .parquet(f"{draft}/{folder}")
            )
            parts += _parts(self._spark, draft, folder)
        return parts

    def _refuse_full_disk(self, pinned: Pinned, share: float) -> None:
        needed, free = int(pinned.size * share * 1.2) + _ROOM_LEFT_BYTES, files.free_bytes(self._folder)
        if free < needed:
            raise WaitingFor(
                f"waiting for room on the disk of {self._folder}: the log of {self._table} has forgotten commits that"
                f" this job has not read, and a copy of the rows needs {_megabytes(needed)}, of which"
                f" {_megabytes(free)} are free. Way out: free some; it goes on by itself"
            )

    def _find(self) -> dict[str, int]:
        names = [name for name in files.list_names(self._folder) if name.startswith(f"{self._table}@")]
        found = next((name for name in names if files.exists(f"{self._folder}/{name}/copy.json")), None)
        if found is None or found.endswith("@part"):
            return {}
        about: dict[str, int] = json.loads(files.read_text(f"{self._folder}/{found}/copy.json"))
        return about


@dataclass(frozen=True)
class _Part:
    """A file of rows in order."""

    path: str
    size: int
    rows: int
    through: Offsets
    lowest: int
    highest: int
    """Of the low watermarks in its rows, microseconds since 1970."""


def _lacking(rows: DataFrame, gap: Gap) -> Column:
    """Whether a row is one that the reader has not read: by its offset, for that is how far it has come."""
    if gap.known is None:
        return sf.lit(True)
    read = is_before(gap.known.through)
    if "override" not in rows.columns:
        return ~read
    # A record that was let in has its row in a later commit than those around it.
    later = sf.unix_micros("low_watermark") > (gap.known.low_watermark or 0)
    unread = later | sf.col("override").isin(*gap.unread_overrides)
    return ~read | (sf.col("override").isNotNull() & unread)


def chunks(rows: DataFrame, count: int) -> list[tuple[DataFrame, float]]:
    """The rows cut by their low watermark into pieces that one task can sort, each with the share that lies before."""
    pieces = max(1, round(count / _ROWS_PER_CHUNK))
    mark = sf.unix_micros("low_watermark")
    ends: list[int] = []
    if pieces > 1:
        shares = [number / pieces for number in range(1, pieces)]
        ends = sorted(set(rows.agg(sf.percentile_approx(mark, shares, 10_000)).collect()[0][0]))
    bounds = [None, *ends, None]
    cut = []
    for number, (after, upto) in enumerate(pairwise(bounds)):
        chunk = rows if after is None else rows.where(mark > after)
        cut.append((chunk if upto is None else chunk.where(mark <= upto), number / (len(ends) + 1)))
    return cut


def _parts(spark: SparkSession, draft: str, folder: str) -> list[_Part]:
    """The files of one chunk in order, with what is in them."""
    names = [name for name in files.list_names(f"{draft}/{folder}") if name.startswith("part-")]
    if not names:
        return []
    mark = sf.unix_micros("low_watermark")
    found = (
        spark.read.parquet(f"{draft}/{folder}")
        .groupBy(sf.element_at(sf.split(sf.input_file_name(), "/"), -1).alias("name"), "topic", "partition")
        .agg(
            sf.count("*").alias("rows"),
            sf.max("offset").alias("newest"),
            sf.min(mark).alias("lowest"),
            sf.max(mark).alias("highest"),
        )
        .collect()
    )
    parts = []
    for name in sorted(names, key=_place_of):
        inside = [row for row in found if row.name == name]
        if not inside:
            continue
        through: dict[str, dict[str, str]] = {}
        for row in inside:
            through.setdefault(row.topic, {})[str(row.partition)] = str(row.newest + 1)
        size = files.size(f"{draft}/{folder}/{name}")
        lowest, highest = min(row.lowest for row in inside), max(row.highest for row in inside)
        parts.append(_Part(f"{folder}/{name}", size, sum(row.rows for row in inside), through, lowest, highest))
    return parts


def _place_of(name: str) -> tuple[int, int]:
    match = _PART.match(name)
    assert match is not None, f"Spark writes no file called {name}"
    return int(match[1]), int(match[2])


def _commits(parts: Sequence[_Part], gap: Gap, newest: LedgerEntry, version: int) -> list[Commit]:
    """The versions of the copy, the last of which says what the table's ledger says, and may be without rows."""
    most = max(1, version - max(gap.position - 1, 0))
    each = -(-len(parts) // most) or 1
    groups = [parts[at : at + each] for at in range(0, len(parts), each)] or [[]]
    through = {topic: dict(partitions) for topic, partitions in (gap.known.through if gap.known else {}).items()}
    low = gap.known.low_watermark if gap.known else None
    commits = []
    for number, group in enumerate(groups):
        for part in group:
            _advance(through, part.through)
        # Of rows with one low watermark some may follow: it is reached with the last of them.
        following = groups[number + 1][0] if number + 1 < len(groups) else None
        if following is None or following.lowest > group[-1].highest:
            low = max(group[-1].highest, low or 0) if group else low
        entry = LedgerEntry(
            "copy",
            newest.job,
            newest.generation,
            newest.epoch,
            through={topic: dict(partitions) for topic, partitions in through.items()},
            low_watermark=low,
            rows_in=sum(part.rows for part in group),
        )
        last = number == len(groups) - 1
        commits.append(Commit([(part.path, part.size) for part in group], newest if last else entry))
    return commits


def _advance(through: dict[str, dict[str, str]], further: Mapping[str, Mapping[str, str]]) -> None:
    for topic, partitions in further.items():
        known: dict[str, Any] = through.setdefault(topic, {})
        for partition, offset in partitions.items():
            known[partition] = str(max(int(offset), int(known.get(partition, "0"))))


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:,.0f} MB"
