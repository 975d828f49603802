"""The batch ledger: an entry per Delta commit, in the commit's `userMetadata` (docs/contracts.md, section 4)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from penstock_jobs.files import exists, list_names, modified_ms, read_text

FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_COMMIT = re.compile(r"^(\d{20})\.json$")

Offsets = Mapping[str, Mapping[str, str]]
"""Kafka offset vector: topic → partition → the next offset to be read. Partitions and offsets are texts."""


class LedgerGone(Exception):
    """A ledger entry is needed that log clean-up has removed; the text says which table and version."""


def to_micros(text: str) -> int:
    """Microseconds since 1970 of an ISO-8601 timestamp in UTC ending in `Z`."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> str:
    """An ISO-8601 timestamp in UTC with six digits of the second."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class LedgerEntry:
    """One commit of one table. Times are microseconds since 1970; `batch` is None until the job has done a batch."""

    kind: str
    job: str
    generation: int
    epoch: int
    batch: int | None = None
    source_from: str | None = None
    source_to: str | None = None
    through: Offsets = field(default_factory=dict)
    low_watermark: int | None = None
    rows_in: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    last_timestamps: Mapping[str, int] | None = None
    final_through: int | None = None
    through_batch: int | None = None
    updates_version: int | None = None
    topic_id: str | None = None
    overrides: tuple[int, ...] = ()
    let_in_copies: int = 0
    known_ids: int = 0

    def to_data(self) -> dict[str, Any]:
        """The entry as the contract writes it, ready for JSON."""
        data: dict[str, Any] = {
            "penstock": FORMAT,
            "kind": self.kind,
            "job": self.job,
            "generation": self.generation,
            "epoch": self.epoch,
            "batch": self.batch,
            "source": {"from": self.source_from, "to": self.source_to},
            "through": {topic: dict(partitions) for topic, partitions in self.through.items()},
            "lowWatermark": _timestamp(self.low_watermark),
            "rowsIn": self.rows_in,
            "rows": dict(self.rows),
        }
        if self.last_timestamps is not None:
            data["lastTimestamps"] = {partition: from_micros(at) for partition, at in self.last_timestamps.items()}
        if self.topic_id is not None:
            data["topicId"] = self.topic_id
        if self.let_in_copies:
            data["letInCopies"] = self.let_in_copies
        if self.known_ids:
            data["knownIds"] = self.known_ids
        if self.overrides:
            data["overrides"] = list(self.overrides)
        if self.kind == "final":
            data["finalThrough"] = _timestamp(self.final_through)
            data["throughBatch"] = self.through_batch
            data["updatesVersion"] = self.updates_version
        return data

    def to_json(self) -> str:
        """The text for `userMetadata`."""
        return json.dumps(self.to_data(), separators=(",", ":"))

    def tick(self, low_watermark: int, epoch: int) -> LedgerEntry:
        """This position with a risen low watermark: what is said when nothing more came."""
        return replace(
            self,
            kind="tick",
            epoch=epoch,
            low_watermark=low_watermark,
            rows_in=0,
            rows={},
            overrides=(),
            let_in_copies=0,
            known_ids=0,
        )

    def with_overrides(self, numbers: tuple[int, ...], epoch: int) -> LedgerEntry:
        """This position with records that overrides let in: no record was read for them."""
        rows = {"overridden": len(numbers)}
        return replace(
            self,
            kind="override",
            epoch=epoch,
            rows_in=0,
            rows=rows,
            overrides=numbers,
            let_in_copies=0,
            known_ids=0,
        )


def parse_entry(text: str | None) -> LedgerEntry | None:
    """The entry in a commit's `userMetadata`; None when the commit is not one of ours."""
    try:
        data = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("penstock") != FORMAT:
        return None
    last = data.get("lastTimestamps")
    return LedgerEntry(
        kind=data["kind"],
        job=data["job"],
        generation=data["generation"],
        epoch=data["epoch"],
        batch=data["batch"],
        source_from=data["source"]["from"],
        source_to=data["source"]["to"],
        through=data["through"],
        low_watermark=_micros(data["lowWatermark"]),
        rows_in=data["rowsIn"],
        rows=data["rows"],
        last_timestamps=None if last is None else {partition: to_micros(at) for partition, at in last.items()},
        final_through=_micros(data.get("finalThrough")),
        through_batch=data.get("throughBatch"),
        updates_version=data.get("updatesVersion"),
        topic_id=data.get("topicId"),
        overrides=tuple(data.get("overrides", ())),
        let_in_copies=data.get("letInCopies", 0),
        known_ids=data.get("knownIds", 0),
    )


class TableLedger:
    """Reads the ledger of one Delta table straight from its log: no Spark job, no snapshot."""

    def __init__(self, table_path: str) -> None:
        self.table_path = table_path
        self._log = f"{table_path}/_delta_log"

    def newest_version(self, known: int | None = None) -> int | None:
        """The newest version; None when there is no table. `known`: a version that exists, to look from there."""
        if known is None:
            return max(self._versions(), default=None)
        while exists(self._commit(known + 1)):
            known += 1
        return known

    def oldest_version(self) -> int | None:
        """The oldest version that log clean-up has left; None when there is no table."""
        return min(self._versions(), default=None)

    def versions_of_overrides(self) -> dict[int, int]:
        """The version of the commit that let a record in, by the override's number, as far as the log goes back."""
        found: dict[int, int] = {}
        for version in _down_from(self.newest_version()):
            try:
                entry = self.entry_of(version)
            except FileNotFoundError:
                break
            found |= dict.fromkeys(entry.overrides if entry else (), version)
        return found

    def entry_of(self, version: int) -> LedgerEntry | None:
        """The entry of one commit; None when the commit is not ours. Raises FileNotFoundError."""
        for line in read_text(self._commit(version)).splitlines():
            if '"commitInfo"' in line:
                return parse_entry(json.loads(line).get("commitInfo", {}).get("userMetadata"))
        return None

    def committed_at(self, version: int) -> int:
        """When readers saw a commit first, microseconds since 1970. Raises FileNotFoundError."""
        # Not the time within the commit, which was taken before it was made: Delta's own time travel goes by this one.
        return modified_ms(self._commit(version)) * 1000

    def newest_entry(
        self, at_most: int | None = None, accept: Callable[[LedgerEntry], bool] = lambda entry: True
    ) -> tuple[int, LedgerEntry] | None:
        """Version and content of the newest accepted entry at or before a version; None when there is none at all.

        Raises LedgerGone when log clean-up has removed commits before one was found.
        """
        start = self.newest_version() if at_most is None else at_most
        for version in _down_from(start):
            try:
                entry = self.entry_of(version)
            except FileNotFoundError:
                raise LedgerGone(
                    f"the ledger of {self.table_path} cannot be read: commit {version} has been removed by log clean-up"
                    " before a newer commit of the job was made. Ways out: restore the table's log from a backup,"
                    " replay the job (POST /v1/jobs/{job}/replay?autoPromote=true), which makes both anew,"
                    " or begin anew in another state folder or with npm run reset"
                ) from None
            if entry is not None and accept(entry):
                return version, entry
        return None

    def _versions(self) -> list[int]:
        return [int(match[1]) for name in list_names(self._log) if (match := _COMMIT.match(name))]

    def _commit(self, version: int) -> str:
        return f"{self._log}/{version:020d}.json"


def _down_from(version: int | None) -> Iterator[int]:
    return iter(()) if version is None else iter(range(version, -1, -1))


def _timestamp(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros)


def _micros(text: str | None) -> int | None:
    return None if text is None else to_micros(text)
