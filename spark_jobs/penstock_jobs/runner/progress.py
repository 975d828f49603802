"""Takes what Spark says about all queries of the session and hands it to the jobs, without ever holding Spark up."""

from __future__ import annotations

import json
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)


class Watcher(Protocol):
    """A hosted job, as far as this module knows it."""

    def on_progress(self, progress: dict[str, object]) -> None: ...
    def on_idle(self) -> None: ...
    def on_terminated(self) -> None: ...


class ProgressListener(StreamingQueryListener):
    """Only enqueues: a listener that blocks delays the events of all queries, terminations included."""

    def __init__(self, find: Callable[[str], Watcher | None]) -> None:
        """`find` gives the watcher of a query's run id."""
        self._find = find
        self._queue: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
        threading.Thread(target=self._dispatch, name="progress", daemon=True).start()

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802
        """Nothing: the job knows that it has started its query."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        self._queue.put(("progress", str(event.progress.runId), event.progress.json))

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        self._queue.put(("idle", str(event.runId), ""))

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        self._queue.put(("terminated", str(event.runId), ""))

    def _dispatch(self) -> None:
        while True:
            kind, run_id, text = self._queue.get()
            watcher = self._find(run_id)
            if watcher is None:
                continue
            try:
                if kind == "progress":
                    watcher.on_progress(json.loads(text))
                elif kind == "idle":
                    watcher.on_idle()
                else:
                    watcher.on_terminated()
            except Exception:
                traceback.print_exc(file=sys.stderr)
