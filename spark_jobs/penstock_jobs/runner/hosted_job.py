"""One job as the runner hosts it: a thread that starts the query, watches it, and stops it between two batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock_jobs.fencing import EpochFence
from penstock_jobs.job import Assignment, Job, JobContext, RestartQuery, RunRefused, WaitingFor
from penstock_jobs.runner.certificate import Position, certify, last_committed_batch
from penstock_jobs.runner.event_buffer import EventBuffer
from penstock_jobs.runner.gate import BatchGate
from penstock_jobs.runner.pace import held, take_share
from penstock_jobs.runner.query import (
    RowsDropped,
    cause_of_death,
    describe_failure,
    describe_wait,
    last_progress,
    stop_query,
)
from penstock_jobs.runner.status import JobStatus

_WATCH_SECONDS = 0.2
# Until a query has looked at its source for the first time: somebody waits for its start.
_START_WATCH_SECONDS = 0.05
_IDLE_SECONDS = 1.0
_RETRY_SECONDS = 1.0
# A job that asks for restart after restart without a batch in between would never get anywhere.
_MAX_RESTARTS_IN_A_ROW = 5


@dataclass(frozen=True)
class Stop:
    """How a run is to end; a drain turns into `now` at `deadline` (of time.monotonic)."""

    mode: str
    deadline: float


class HostedJob:
    """One run of a job. Ends in `stopped` (with a certificate) or `failed` (with the exception), and stays there."""

    def __init__(
        self,
        spark: SparkSession,
        assignment: Assignment,
        make_job: Callable[[JobContext], Job],
        events: EventBuffer,
        holder: str,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`holder` names this runner in the epoch's claim; `changed` is called when the state did."""
        self.assignment = assignment
        self.name = f"{assignment.job}@{assignment.generation}"
        """Of several generations of one job each has its own query and its own share of the application."""
        self.status = JobStatus(assignment, changed)
        self._spark = spark
        self._make_job = make_job
        self._events = events
        self._holder = holder
        self._position = Position()
        self._wake = threading.Event()
        self._stop: Stop | None = None
        self._violation: Exception | None = None
        self.newest_spec: Mapping[str, Any] = assignment.spec
        """The spec as it was sent last."""
        self.run_id: str | None = None
        """Run id of the Spark query, by which its progress is recognised."""
        self.fence = EpochFence(assignment.spec["checkpoint"], assignment.epoch)
        self.upkeep = threading.Lock()
        """Held by whoever works on the tables of this job beside its query."""
        self._thread = threading.Thread(target=self._run, name=f"job-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, mode: str, timeout_ms: int) -> None:
        """Ask for the end of this run: `drain` finishes the batch in flight, and turns into `now` after the timeout.

        Asking again never weakens or postpones what was asked before.
        """
        asked = Stop(mode, time.monotonic() + timeout_ms / 1000)
        now = self._stop
        if now is not None:
            mode = "now" if "now" in (mode, now.mode) else "drain"
            asked = Stop(mode, min(asked.deadline, now.deadline))
        self._stop = asked
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end of this run, at most so long; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def report(self, kind: str, data: Mapping[str, Any]) -> None:
        """Queue an event of this run (the `Reporter` of its job)."""
        if kind in ("batch", "position"):
            self._position.note(data)
        if kind != "position":
            self._events.add(kind, self.assignment, data)

    def on_progress(self, progress: Mapping[str, Any]) -> None:
        """Take a StreamingQueryProgress of this run's query."""
        self.status.alive()
        self._events.add("progress", self.assignment, progress)
        dropped = sum(int(operator.get("numRowsDroppedByWatermark", 0)) for operator in progress["stateOperators"])
        if dropped > 0:
            self._violation = RowsDropped(
                f"batch {progress['batchId']}: {dropped} rows were dropped by Spark's watermark and so are missing in "
                "what was written. See its low watermark and dedup horizon;"
                " ways out: replay the job (POST /v1/jobs/{job}/replay?autoPromote=true),"
                " or begin anew in another state folder or with npm run reset."
            )
            self._wake.set()

    def on_idle(self) -> None:
        """Spark says that the query had nothing to do."""
        self.status.alive()

    def on_terminated(self) -> None:
        """Spark says that the query has ended: look at once."""
        self._wake.set()

    def _run(self) -> None:
        job: Job | None = None
        try:
            take_share(self._spark, self.name, self.newest_spec)
            self.fence.claim(self._holder)
            job = self._make_job(self._context())
            mode = self._host(job)
            self._end_upkeep()
            self.status.stopped(certify(self.assignment, self._position, mode))
        except BaseException as failure:
            self.status.failed(describe_failure(failure, job))

    def _is_held(self) -> bool:
        """Whether no batch is to begin; then the run says why it waits."""
        why = held(self.newest_spec)
        if why is not None:
            self.status.wait_for(why)
        return why is not None

    def _context(self) -> JobContext:
        return JobContext(self._spark, self.assignment, self.fence, self, lambda: self.newest_spec, self._wait_for_long)

    def _wait_for_long(self, text: str) -> None:
        while self._stop is None and self._is_held():
            self._pause(_WATCH_SECONDS)
        if self._stop is not None:
            raise WaitingFor(text)
        self.status.wait_for(text)

    def _host(self, job: Job) -> str:
        """Start the query as often as the job wants it; the mode in which it was stopped in the end."""
        restarts = 0
        while True:
            gate = BatchGate(job.process, job.idle)
            query = self._start_query(job, gate)
            if query is None:
                return "drain"
            try:
                stopped = self._watch(query, gate, job)
            except RestartQuery as wish:
                restarts = 1 if gate.last_finished is not None else restarts + 1
                if restarts > _MAX_RESTARTS_IN_A_ROW:
                    raise RunRefused(f"the query asked {restarts} times in a row to be restarted: {wish}") from wish
                self.report("warning", {"text": f"the query is restarted: {wish}", "restartsInARow": restarts})
            except WaitingFor as wait:
                self.report("warning", {"text": describe_wait(wait)})
                self.status.wait_for(str(wait))
                self._pause(_RETRY_SECONDS)
            else:
                return stopped

    def _start_query(self, job: Job, gate: BatchGate) -> StreamingQuery | None:
        """The running query; None when the run was asked to end before that."""
        while self._stop is None:
            if self._is_held():
                self._pause(_WATCH_SECONDS)
                continue
            try:
                job.prepare()
                source = job.source()
            except WaitingFor as wait:
                self.status.wait_for(str(wait))
                self._pause(_RETRY_SECONDS)
                continue
            spec = self.assignment.spec
            query = (
                source.writeStream.foreachBatch(gate.enter)
                .queryName(self.name)
                .option("checkpointLocation", spec["checkpoint"])
                .trigger(processingTime=f"{spec['triggerMs']} milliseconds")
                .start()
            )
            self.run_id = query.runId
            # What the query before it did, before the job waited, says nothing about this one.
            heard = {} if self.status.state == "running" else {"lastProgressAt": None}
            self.status.move("running", waitingFor=None, queryId=query.id, queryRunId=query.runId, **heard)
            return query
        return None

    def _watch(self, query: StreamingQuery, gate: BatchGate, job: Job) -> str:
        """Until the query ends: the mode in which it was stopped. Raises what it died of."""
        next_idle = time.monotonic() + _IDLE_SECONDS
        seen = False
        while True:
            self._pause(_WATCH_SECONDS if seen else _START_WATCH_SECONDS)
            # Spark publishes that a query has nothing to do a second after its first look; but it notes that look.
            if not seen and last_progress(query) is not None:
                seen = True
                self.status.alive()
            if self._violation is not None:
                gate.close()
                stop_query(query)
                raise self._violation
            if not query.isActive:
                raise cause_of_death(query, gate, job)
            if self._stop is not None:
                return self._end(query, gate)
            why = held(self.newest_spec)
            if why is not None:
                gate.hold()
                self.status.wait_for(why)
                continue
            gate.release()
            self.status.move("running", waitingFor=None)
            if time.monotonic() >= next_idle:
                try:
                    gate.tick()
                except BaseException:
                    gate.close()
                    stop_query(query)
                    raise
                next_idle = time.monotonic() + _IDLE_SECONDS

    def _end(self, query: StreamingQuery, gate: BatchGate) -> str:
        """Stop the query as asked; the mode it took. Raises what a batch in flight failed of."""
        gate.close()
        self.status.move("draining")
        drained = self._await_between_batches(query, gate)
        stop_query(query)
        if not drained:
            return "now"
        if gate.failure is not None and not isinstance(gate.failure, (RestartQuery, WaitingFor)):
            raise gate.failure
        return "drain"

    def _await_between_batches(self, query: StreamingQuery, gate: BatchGate) -> bool:
        """Wait until nothing is in flight and the last batch is in Spark's commit log; False when `now` came first."""
        while True:
            assert self._stop is not None
            if self._stop.mode == "now" or time.monotonic() >= self._stop.deadline:
                return False
            if not gate.quiet(0.05):
                continue
            if gate.last_finished is None or not query.isActive or self._is_done(query, gate.last_finished):
                return True
            time.sleep(0.01)

    def _is_done(self, query: StreamingQuery, batch: int) -> bool:
        """Whether a batch is in Spark's commit log, and its progress, which comes after, has been published.

        The log itself is asked: a drain under load was seen to end a batch early on the word of the progress alone.
        """
        committed = last_committed_batch(self.assignment.spec["checkpoint"])
        told = last_progress(query)
        return committed is not None and committed >= batch and told is not None and told >= batch

    def _end_upkeep(self) -> None:
        """Nothing may be in flight when the certificate says so, housekeeping included."""
        while not self.upkeep.acquire(timeout=0.5):
            self._spark.sparkContext.cancelJobGroup(self.upkeep_group)
        self.upkeep.release()

    @property
    def upkeep_group(self) -> str:
        """Job group of Spark jobs that work on the tables beside the query."""
        return f"upkeep-{self.assignment.job}-{self.assignment.generation}"

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()
