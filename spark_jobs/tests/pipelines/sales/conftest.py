"""Fixtures of the sales pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.pipelines.sales.stand import Registry, Stand, serve


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that knows the contract."""
    with serve(Registry()) as running:
        yield running


@pytest.fixture
def stand(spark: SparkSession, tmp_path: Path, registry: Registry) -> Stand:
    """An empty pipeline."""
    return Stand(spark, tmp_path, registry.url)
