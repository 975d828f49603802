"""How fast a run may go (`pace` of its spec): its share of the application, and whether it has to wait for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from penstock_jobs.session import ensure_pool

# Housekeeping has weight 1, and so have the jobs of a replay.
_WEIGHT = 8


def held(spec: Mapping[str, Any]) -> str | None:
    """Why no further batch is to begin; None when it may."""
    why: str | None = (spec.get("pace") or {}).get("held")
    return why


def take_share(spark: SparkSession, name: str, spec: Mapping[str, Any]) -> None:
    """Let what this thread starts run in a pool of its own, of the weight that the spec gives it."""
    weight = int((spec.get("pace") or {}).get("weight", _WEIGHT))
    # The weight of a pool never changes: a job whose weight did takes another one.
    pool = f"{name}:{weight}"
    ensure_pool(spark, pool, weight)
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", pool)
