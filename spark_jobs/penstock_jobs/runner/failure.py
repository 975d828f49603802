"""What users read when something failed: the cause, without the plumbing between Python and the JVM."""

from __future__ import annotations

import traceback
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.errors.exceptions.captured import CapturedException

from penstock_jobs.credentials import without_secrets
from penstock_jobs.job import JobRefused

_MESSAGE_CHARS = 2_000
_TRACE_CHARS = 12_000


def describe(failure: BaseException) -> dict[str, Any]:
    """`class`, `message` and `trace` of an exception, of bounded size, and `permanent` where trying again cannot help.

    For an exception of the JVM these are its innermost cause; the trace has the Python side as well.
    """
    java = _java_exception(failure)
    if java is not None:
        try:
            return _describe_java(failure, java)
        except Exception:  # the JVM may be gone while we ask it
            return _bounded(type(failure).__name__, "the JVM ended before the cause could be read", "")
    if isinstance(failure, JobRefused):
        # A refusal is a decision with its reason, not a crash: a trace would only hide the text.
        return _bounded(type(failure).__name__, str(failure), "") | {"permanent": failure.permanent}
    return _bounded(type(failure).__name__, str(failure) or repr(failure), "".join(traceback.format_exception(failure)))


def describe_query_death(query: Any) -> dict[str, Any]:
    """The same for a query that died by itself, as `StreamingQuery.exception()` knows it."""
    death = query._jsq.exception()
    if not death.isDefined():
        return _bounded("QueryEnded", "the query ended without an exception and without having been stopped", "")
    root = _root(death.get())
    return _bounded(root.getClass().getName(), _text_of(root), _java_trace(root))


def source_got_columns(query: Any) -> bool:
    """Whether a query died because the Delta table that it reads has got columns since it was planned.

    Planned anew it goes on from where it was: Delta's own advice is to restart it.
    """
    death = query._jsq.exception()
    return bool(death.isDefined()) and _text_of(_root(death.get())).startswith("[DELTA_SCHEMA_CHANGED")


def _describe_java(failure: BaseException, java: Any) -> dict[str, Any]:
    root = _root(java)
    python = "".join(traceback.format_tb(failure.__traceback__))
    return _bounded(root.getClass().getName(), _text_of(root), f"{python}{_java_trace(root)}")


def _java_exception(failure: BaseException) -> Any | None:
    if isinstance(failure, Py4JJavaError):
        return failure.java_exception
    if isinstance(failure, CapturedException):
        return failure._origin
    return None


def _root(java: Any) -> Any:
    cause = java.getCause()
    while cause is not None:
        java, cause = cause, cause.getCause()
    return java


def _text_of(java: Any) -> str:
    return java.getMessage() or java.toString()


def _java_trace(java: Any) -> str:
    jvm = SparkContext._jvm
    assert jvm is not None
    return str(jvm.org.apache.spark.util.Utils.exceptionString(java))


def _bounded(kind: str, message: str, trace: str) -> dict[str, Any]:
    # Spark writes the plan of a query into some of its messages, and the plan has the options of its source.
    message, trace = without_secrets(message), without_secrets(trace)
    if len(trace) > _TRACE_CHARS:
        half = _TRACE_CHARS // 2
        trace = f"{trace[:half]}\n… {len(trace) - _TRACE_CHARS} characters left out …\n{trace[-half:]}"
    if len(message) > _MESSAGE_CHARS:
        message = message[:_MESSAGE_CHARS] + " …"
    return {"class": kind, "message": message, "trace": trace}
