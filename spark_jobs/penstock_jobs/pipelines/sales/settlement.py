"""Overrides of records that silver has behind it: each applied once, in a commit of its own, or refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as sf

from penstock_jobs.job import JobContext, WaitingFor
from penstock_jobs.ledger import LedgerEntry, LedgerGone
from penstock_jobs.pipelines.sales.dedup import LetIn
from penstock_jobs.pipelines.sales.overrides import Override, overrides_of, place
from penstock_jobs.tables import OutputTable

# One that is named a minute after its report: the report was lost on the way.
_REPORT_AGAIN_S = 60.0
# How long one waits whose schema a silent registry would have to tell.
_ASK_AGAIN_S = 10.0


@dataclass(frozen=True)
class Judging:
    """How silver judges, lent to whoever judges a record again."""

    judge: Callable[[DataFrame, Sequence[Override]], DataFrame]
    """Bronze's columns → outcome, reasons and event columns, with these overrides applied."""
    silver_rows: Callable[[DataFrame], DataFrame]
    """What `judge` gives → rows of the table."""
    learn: Callable[[set[int]], None]
    """Asks for writer schemas that are not known.

    Raises RestartQuery when one is known by now, and WaitingFor when the registry does not answer.
    """


class Settlement:
    """Settles the overrides that the control plane names, between two batches of the run that writes the table.

    What is in the table decides: an override whose row is there has been applied, whatever was heard of it.
    """

    def __init__(self, context: JobContext, table: OutputTable, judging: Judging) -> None:
        self._context = context
        self._table = table
        self._judging = judging
        self._resting: dict[int, float] = {}
        """Until when overrides are left alone, by number: they have been reported, or wait for the registry."""
        self.let_in = LetIn()

    def open(self) -> None:
        """Look which ids overrides have let in before; only where the control plane says that there are any."""
        if self._context.spec_now().get("overridesApplied"):
            rows = self._accepted().where(sf.col("override").isNotNull()).select("event_id").collect()
            self.let_in.add(row.event_id for row in rows)

    def ahead(self) -> list[Override]:
        """The overrides of records that are still to be read."""
        position = self._table.last
        through = position.through if position else {}
        return [each for each in overrides_of(self._context.spec_now()) if not each.is_passed(through)]

    def unplanned(self, planned: Sequence[Override]) -> list[int]:
        """Numbers of overrides of records still ahead that a query was not planned with."""
        numbers = {override.number for override in planned}
        return [each.number for each in self.ahead() if each.number not in numbers]

    def settle(self) -> None:
        """Apply or refuse what is due. To be called while no batch is in flight.

        Raises RestartQuery when a writer schema that one of them needs is known by now.
        """
        position = self._table.last
        if position is None:
            return
        now = time.monotonic()
        known = [each for each in overrides_of(self._context.spec_now()) if self._resting.get(each.number, now) <= now]
        due = [each for each in known if each.is_passed(position.through)]
        if due:
            self._settle(due, position)

    def _settle(self, due: list[Override], position: LedgerEntry) -> None:
        places = [each.place for each in due]
        offsets = sorted({each.offset for each in due})
        there = self._read().where(sf.col("offset").isin(offsets) & place().isin(places)).persist()
        try:
            found = there.select(
                place().alias("place"), "outcome", "reasons", "override", "event_id", "schema_id"
            ).collect()
            open_ones = self._report_applied(due, found)
            refused = {row.place for row in found if row.outcome != "accepted"}
            for override in [each for each in open_ones if each.place not in refused]:
                known = any(row.place == override.place for row in found)
                self._report_refused(override, ["ALREADY_ACCEPTED" if known else "NO_RECORD"])
                open_ones.remove(override)
            open_ones = self._readable(open_ones, found)
            if open_ones:
                self._judge(there.where(sf.col("outcome") != "accepted"), open_ones, position)
        finally:
            there.unpersist()

    def _readable(self, overrides: list[Override], found: list[Row]) -> list[Override]:
        """Those that can be judged now: a silent registry keeps the others waiting, and nothing else."""
        wanted = {override.place for override in overrides}
        unknown = {row.place: row.schema_id for row in found if row.place in wanted and _lacks_schema(row)}
        try:
            self._judging.learn(set(unknown.values()))
        except WaitingFor:
            again = time.monotonic() + _ASK_AGAIN_S
            self._resting |= {override.number: again for override in overrides if override.place in unknown}
            return [override for override in overrides if override.place not in unknown]
        return overrides

    def _report_applied(self, due: list[Override], found: list[Row]) -> list[Override]:
        """Say once more what is in the table already; those that are not."""
        rows = {row.override: row for row in found if row.override is not None}
        for override in due:
            if override.number in rows:
                version, entry = self._commit_of(override.number)
                self._report_let_in(override, rows[override.number].event_id, version, entry)
        return [override for override in due if override.number not in rows]

    def _judge(self, refused: DataFrame, overrides: list[Override], position: LedgerEntry) -> None:
        judged = self._judging.judge(refused, overrides).persist()
        try:
            verdicts = {
                row.override: row for row in judged.select("override", "outcome", "reasons", "event_id").collect()
            }
            taken = self._accepted_places([row.event_id for row in verdicts.values() if row.outcome == "accepted"])
            good = []
            for override in overrides:
                verdict = verdicts[override.number]
                if verdict.outcome != "accepted":
                    self._report_refused(override, list(verdict.reasons))
                elif verdict.event_id in taken:
                    self._report_refused(override, ["DUPLICATE"], verdict.event_id, taken[verdict.event_id])
                else:
                    taken[verdict.event_id] = override.place
                    good.append(override)
            if good:
                self._apply(judged, good, {number: row.event_id for number, row in verdicts.items()}, position)
        finally:
            judged.unpersist()

    def _apply(self, judged: DataFrame, good: list[Override], ids: dict[int, str], position: LedgerEntry) -> None:
        numbers = tuple(override.number for override in good)
        entry = position.with_overrides(numbers, self._context.assignment.epoch)
        # The row says when it could be read, as all rows do, and not when its record was.
        mark = sf.timestamp_micros(sf.lit(position.low_watermark))
        rows = judged.where(sf.col("override").isin(*numbers)).withColumn("low_watermark", mark)
        version = self._table.append(self._judging.silver_rows(rows), entry, len(good))
        for override in good:
            self._report_let_in(override, ids[override.number], version, entry)

    def _accepted_places(self, ids: list[str]) -> dict[str, str]:
        """Where events were accepted, by id."""
        if not ids:
            return {}
        rows = self._accepted().where(sf.col("event_id").isin(ids)).select("event_id", place().alias("place"))
        return {row.event_id: row.place for row in rows.collect()}

    def _commit_of(self, number: int) -> tuple[int | None, LedgerEntry | None]:
        """The commit that let a record in; None where the log has forgotten it, or a batch of a replay did."""
        try:
            return self._table.ledger.newest_entry(accept=lambda entry: number in entry.overrides) or (None, None)
        except LedgerGone:
            return None, None

    def _report_let_in(self, override: Override, event_id: str, version: int | None, entry: LedgerEntry | None) -> None:
        self.let_in.add([event_id])
        commit = {"version": version, "batch": entry.batch if entry else None}
        self._report(override, "applied", [], event_id, **commit)

    def _report_refused(
        self, override: Override, reasons: list[str], event_id: str | None = None, duplicate_of: str | None = None
    ) -> None:
        self._report(override, "refused", reasons, event_id, duplicateOf=duplicate_of)

    def _report(self, override: Override, state: str, reasons: list[str], event_id: str | None, **more: Any) -> None:
        self._resting[override.number] = time.monotonic() + _REPORT_AGAIN_S
        data = {"number": override.number, "state": state, "reasons": reasons, "eventId": event_id}
        self._context.reporter.report("override", {**data, **more})

    def _accepted(self) -> DataFrame:
        return self._read().where("outcome = 'accepted'")

    def _read(self) -> DataFrame:
        return self._context.spark.read.format("delta").load(self._table.path)


def _lacks_schema(row: Row) -> bool:
    return row.schema_id is not None and row.outcome != "accepted" and "UNKNOWN_SCHEMA_ID" in (row.reasons or ())
