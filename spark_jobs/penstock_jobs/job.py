"""What the runner and a pipeline's jobs agree on.

The runner owns threads, queries, draining and the talk with the control plane; a job owns what one micro-batch means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import DataFrame, SparkSession


class WaitingFor(Exception):
    """The job cannot go on yet; the text says for what it waits and what a user can do. The runner tries again.

    Raised by `prepare`, `source`, or `process` before anything was written: then the query is started again.
    """


class RestartQuery(Exception):
    """The query must be planned anew, for what it was planned on has changed; the text says what.

    Raised by `process` or `idle` before anything was written. The runner calls `prepare` and `source` again and
    starts the query, in the same run.
    """


class JobRefused(Exception):
    """The job must not run: going on would lose or double data. The text says why and the ways out."""

    permanent = True
    """Whether a new run would meet the same: then it is not worth trying before somebody has done something."""


class RunRefused(JobRefused):
    """This run must not go on, but a new one may."""

    permanent = False


@dataclass(frozen=True)
class Assignment:
    """One job as the control plane wants it to run (docs/contracts.md, section 3)."""

    job: str
    generation: int
    epoch: int
    spec: Mapping[str, Any]


class Fence(Protocol):
    """Keeps a replaced run from writing."""

    def check(self) -> None:
        """Raise RunRefused when a higher epoch of this job has been claimed."""


class Reporter(Protocol):
    """Takes events for the control plane; never blocks."""

    def report(self, kind: str, data: Mapping[str, Any]) -> None:
        """Queue one event: `batch` (a ledger entry with `table` and `version`), `warning`, `housekeeping`.

        `position` has the form of `batch` and says what `prepare` found as the newest entry of a table: it is not sent
        on, but a run that is stopped before its first batch can certify it.
        """


@dataclass(frozen=True)
class JobContext:
    """What a job gets from the runner for one run."""

    spark: SparkSession
    assignment: Assignment
    fence: Fence
    reporter: Reporter
    newest_spec: Callable[[], Mapping[str, Any]] | None = None
    """The spec as the control plane sent it last, for what may change while the job runs."""

    say_waiting: Callable[[str], None] | None = None
    """Takes for what a run waits that is not over soon."""

    def waiting(self, text: str) -> None:
        """Say how far something is that takes long before the query can start.

        Raises WaitingFor when the run has been asked to end.
        """
        if self.say_waiting:
            self.say_waiting(text)

    def spec_now(self) -> Mapping[str, Any]:
        """The newest spec of the job. What a query was planned on is in `assignment` and does not change."""
        return self.newest_spec() if self.newest_spec else self.assignment.spec


class Job(ABC):
    """One streaming query: where it reads and what it does with a micro-batch."""

    def __init__(self, context: JobContext) -> None:
        self.context = context

    @abstractmethod
    def prepare(self) -> None:
        """Create the tables this job writes, check checkpoint against ledger.

        Called before every start of the query and repeated while it raises WaitingFor.
        Raises JobRefused where starting would lose or double data.
        """

    @abstractmethod
    def source(self) -> DataFrame:
        """The streaming frame whose micro-batches go to `process`."""

    @abstractmethod
    def process(self, batch: DataFrame, batch_id: int) -> None:
        """Commit one micro-batch, exactly once. An exception ends the query."""

    def diagnose(self) -> None:  # noqa: B027 - not every job knows more
        """Called when the query has failed, before that is reported: raise JobRefused when what it reads is to blame.

        WaitingFor, as `prepare` raises it, says that it is away: the query is started again once it is back. Whatever
        else is raised is ignored.
        """

    def idle(self) -> None:  # noqa: B027 - not every job has something to do
        """Called by the runner, never while a batch is in flight, about once a second while the query is idle."""
