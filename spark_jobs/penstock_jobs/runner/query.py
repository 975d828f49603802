"""A query and its end: how far it has come, how it is stopped, and what it died of."""

from __future__ import annotations

from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql.streaming.query import StreamingQuery

from penstock_jobs.job import Job, JobRefused, RestartQuery, WaitingFor
from penstock_jobs.runner.failure import describe, describe_query_death, source_got_columns
from penstock_jobs.runner.gate import BatchGate


class RowsDropped(Exception):
    """Spark's watermark dropped rows that should have been written."""


class QueryDied(Exception):
    """The query died outside of the job's code; `description` says of what."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description["message"])
        self.description = description


def describe_failure(failure: BaseException, job: Job | None) -> dict[str, Any]:
    """What users read: the job's own reason where it knows one, with the trace of what happened."""
    description = failure.description if isinstance(failure, QueryDied) else describe(failure)
    if job is None or isinstance(failure, JobRefused):
        return description
    try:
        job.diagnose()
    except JobRefused as reason:
        return {**describe(reason), "trace": description["trace"]}
    except Exception:
        # Whatever the job meets while it looks: what is to be reported is the failure.
        return description
    return description


def describe_wait(wait: WaitingFor) -> str:
    """What is told of a query that is started again once something is there, with what it ended of."""
    ended = "" if wait.__cause__ is None else f" ended ({describe_failure(wait.__cause__, None)['message']}) and"
    return f"the query{ended} is started again later: {wait}"


def stop_query(query: StreamingQuery) -> None:
    """Interrupt the query and wait until its thread has ended, however long a batch holds on to it."""
    while query.isActive:
        try:
            query.stop()
        except PySparkException:
            # spark.sql.streaming.stopTimeout is over: the batch has not come to a call into the JVM yet.
            continue


def last_progress(query: StreamingQuery) -> int | None:
    """The batch that Spark last reported on; None before it has looked at the source for the first time."""
    # PySpark's own `lastProgress` takes every figure of it over by a call of its own.
    progress = query._jsq.lastProgress()
    return None if progress is None else int(progress.batchId())


def cause_of_death(query: StreamingQuery, gate: BatchGate, job: Job) -> BaseException:
    """What a query that is not active any more ended with.

    RestartQuery where it is to be started once more, WaitingFor where it is to be once what it reads is back.
    """
    if gate.failure is None and source_got_columns(query):
        return RestartQuery("a table that it reads has got new columns")
    failure = gate.failure or QueryDied(describe_query_death(query))
    if isinstance(failure, (JobRefused, RestartQuery, WaitingFor)):
        return failure
    try:
        job.diagnose()
    except WaitingFor as wait:
        wait.__cause__ = failure
        return wait
    except Exception:
        # Whatever else is wrong is said with the failure.
        return failure
    return failure
