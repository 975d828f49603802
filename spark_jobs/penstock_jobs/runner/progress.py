"""Takes what Spark says about all queries of the session and hands it to the jobs, without ever holding Spark up."""

from __future__ import annotations

import json
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from pyspark import SparkContext
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


Said = tuple[str, str, str]
"""What was said (`progress`, `idle`, `terminated`), of which run, and the progress as JSON."""


class ProgressListener(StreamingQueryListener):
    """Only enqueues: a listener that blocks delays the events of all queries, terminations included."""

    def __init__(self, find: Callable[[str], Watcher | None]) -> None:
        """`find` gives the watcher of a query's run id."""
        self._find = find
        self._queue: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._java: Any = None
        threading.Thread(target=self._dispatch, name="progress", daemon=True).start()

    @property
    def _jlistener(self) -> Any:
        # PySpark's own would take every figure of a progress over by itself: some hundred calls for each batch.
        if self._java is None:
            jvm: Any = SparkContext._jvm
            self._java = jvm.PythonStreamingQueryListenerWrapper(_JavaListener(self._queue.put))
        return self._java

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802
        """Never called: `_jlistener` takes the events."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """Never called: `_jlistener` takes the events."""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """Never called: `_jlistener` takes the events."""

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """Never called: `_jlistener` takes the events."""

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


class _JavaListener:
    """Spark's Java interface; the names are its."""

    def __init__(self, put: Callable[[Said], None]) -> None:
        self._put = put

    def onQueryStarted(self, event: Any) -> None:  # noqa: N802
        """Nothing: the job knows that it has started its query."""

    def onQueryProgress(self, event: Any) -> None:  # noqa: N802
        progress = event.progress()
        self._put(("progress", str(progress.runId().toString()), str(progress.json())))

    def onQueryIdle(self, event: Any) -> None:  # noqa: N802
        self._put(("idle", str(event.runId().toString()), ""))

    def onQueryTerminated(self, event: Any) -> None:  # noqa: N802
        self._put(("terminated", str(event.runId().toString()), ""))

    class Java:
        """By this py4j knows the interface."""

        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)
